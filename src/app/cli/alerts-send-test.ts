import { randomUUID } from "node:crypto";
import { systemClock } from "../../adapters/node/index.ts";
import { formatIsoTime } from "../../kernel/index.ts";
import { readTestAnswer, type TestAnswer, testAlertRecord } from "../../monitor/telling/index.ts";
import { AlertsSince, targetName } from "../../monitoring/index.ts";
import { eventually } from "../eventually.ts";
import { ExitError, exitCodes, usageError } from "../exit.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import { type CommandDefinition, flag } from "./command.ts";
import { onMonitors, withMonitors, withOutput } from "./monitoring.ts";

/** What one place has answered, as the command prints it. */
interface Answer {
  readonly target: string;
  readonly outcome: TestAnswer["outcome"] | "none";
  /** Why it was not sent. */
  readonly reason: string | null;
  /** ISO 8601: when the notifier had it. */
  readonly at: string | null;
}

const columns: readonly Column<Answer>[] = [
  { heading: "TARGET", show: ({ target }) => target },
  { heading: "OUTCOME", show: ({ outcome }) => outcome },
  { heading: "REASON", show: ({ reason }) => reason ?? "-" },
];

export const command: CommandDefinition = {
  configure: (command) => withOutput(withMonitors(command)).addOption(flag("--by <name>", "who wants to see it")),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const who = flags["by"];
    if (typeof who !== "string") throw usageError("--by is needed", "those who are told see who has sent the test");
    return onMonitors(context, file, flags, async ({ plan, monitoring, reach, nowMs }) => {
      const { broker } = reach;
      const { stop } = context;
      const targets = monitoring.alerts.notify.map(({ kind }, i) => targetName(i, kind));
      if (targets.length === 0)
        throw new ExitError(exitCodes.failure, `${String(file)}: the topology tells nobody of alerts`, {
          hint: "name who is told under `alerts: { notify: [...] }`",
        });
      const topic = monitoring.topics.alerts.clusterName;
      const since = await AlertsSince.open(broker, topic, stop);
      const id = randomUUID();
      const record = testAlertRecord({ id, topology: plan.topology, at: formatIsoTime(nowMs), who });
      await broker.append([{ topic, partition: 0, timestampMs: systemClock.now(), ...record }], stop);
      const answers = new Map<string, TestAnswer>();
      const isAnswered = await eventually(async () => {
        for (const text of await since.texts(stop)) {
          const answer = readTestAnswer(text);
          if (answer?.id === id) answers.set(answer.target, answer);
        }
        return targets.every((target) => answers.has(target));
      }, stop);
      // A notifier that runs another form of the file names places that this one does not have.
      const rows = [...new Set([...targets, ...answers.keys()])].map((target) => rowOf(target, answers.get(target)));
      context.stdout(printedRows(rows, columns, form));
      if (!isAnswered) {
        const members = await broker.admin.members(monitoring.notifierGroup, stop);
        context.stderr(
          members.length === 0
            ? "no notifier runs: start `millrace run`, or `millrace run --stage monitor`\n"
            : "the notifier has not answered for all within 10 s: it may run another form of the file, or wait for a place that is slow\n",
        );
        return exitCodes.temporary;
      }
      return rows.every(({ outcome }) => outcome === "sent") ? exitCodes.ok : exitCodes.failure;
    });
  },
};

function rowOf(target: string, answer: TestAnswer | undefined): Answer {
  if (answer === undefined) return { target, outcome: "none", reason: null, at: null };
  const { outcome, reason, at } = answer;
  return { target, outcome, reason: reason === "" ? null : reason, at };
}
