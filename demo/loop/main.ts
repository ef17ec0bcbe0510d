/** `npm run demo:loop`: reads the arguments; the rest is in run-loop.ts. */
import { parseArgs } from "node:util";
import { describeFailure, exitCodeOf, exitCodes } from "../../src/app/exit.ts";
import { runLoop } from "./run-loop.ts";

const usage = `npm run demo:loop -- [--no-drift] [--out DIR]
  --no-drift  inject nothing: nobody is alerted, and nothing is trained again
  --out       folder for models and the log (.millrace/demo-loop)
`;

const stop = new AbortController();
const interrupted = (): void => {
  if (stop.signal.aborted) process.exit(exitCodes.temporary);
  stop.abort(new Error("interrupted"));
};
process.on("SIGINT", interrupted);
process.on("SIGTERM", interrupted);
try {
  const { values } = parseArgs({
    options: {
      "no-drift": { type: "boolean", default: false },
      out: { type: "string", default: ".millrace/demo-loop" },
      help: { type: "boolean", default: false },
    },
  });
  const options = {
    isDrifting: !values["no-drift"],
    out: values.out,
    environment: process.env,
    stdout: (text: string) => void process.stdout.write(text),
    stderr: (text: string) => void process.stderr.write(text),
  };
  if (values.help) process.stdout.write(usage);
  else await runLoop(options, stop.signal);
} catch (thrown) {
  process.stderr.write(`${stop.signal.aborted ? "interrupted" : describeFailure(thrown)}\n`);
  process.exitCode = stop.signal.aborted ? exitCodes.interrupted : exitCodeOf(thrown);
}
