import type { ErrorCode } from "../../kernel/index.ts";
import { runPlannedTest } from "../../testing/index.ts";
import type { PlannedTest } from "../../topology/index.ts";
import { exitCodes } from "../exit.ts";
import { checkTopologyFile, problemsText } from "../load-topology.ts";
import type { CommandDefinition } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) => command.argument("<files...>", "topology files"),

  async run(context, [files]) {
    let [passed, failed] = [0, 0];
    for (const file of files as string[]) {
      const { plan, problems } = checkTopologyFile(file, context.environment, undefined);
      if (plan === undefined) {
        context.stdout(`${problemsText(problems)}\n`);
        failed++;
        continue;
      }
      for (const test of plan.tests) {
        const differences = await runPlannedTest(plan, test);
        if (differences.length === 0) passed++;
        else failed++;
        if (differences.length > 0) context.stdout(failureText(test, differences));
      }
    }
    context.stdout(`${passed} passed, ${failed} failed\n`);
    return failed === 0 ? exitCodes.ok : exitCodes.failure;
  },
};

const failureCode: ErrorCode = "MR_TEST_FAILED";

function failureText(test: PlannedTest, differences: readonly string[]): string {
  const lines = differences.map((difference) => `  ${difference}`);
  return `${test.file}:${test.line}:${test.column} ${failureCode} ${test.name}\n${lines.join("\n")}\n`;
}
