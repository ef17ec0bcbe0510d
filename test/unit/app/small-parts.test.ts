import { expect, test } from "vitest";
import { createPeopleLogger } from "../../../src/app/people-logger.ts";
import { parseTailFrom } from "../../../src/app/tail.ts";
import { parseDurationMs } from "../../../src/kernel/index.ts";

test.each([
  ["beginning", "earliest"],
  ["end", "latest"],
  ["0", 0],
  ["17", 17],
  ["-1h", { timeMs: 6_400_000 }],
  ["-250ms", { timeMs: 9_999_750 }],
  ["yesterday", undefined],
  ["-1", undefined],
  ["-1h30", undefined],
  ["", undefined],
])("tail --from %j", (text, from) => {
  expect(parseTailFrom(text, 10_000_000, parseDurationMs)).toEqual(from);
});

test("a line for people has the time, the sentence and the fields that are there", () => {
  const lines: string[] = [];
  const logger = createPeopleLogger(
    (text) => lines.push(text),
    () => Date.UTC(2026, 0, 1, 9, 8, 7),
  );
  logger.info({ stage: "clean", none: undefined, stores: ["a", "b"] }, "Ready.");
  logger.warn({ code: "MR_EXPOSED" }, "Odd.");
  logger.error({ code: "MR_IO" }, "Lost.");
  logger.debug({}, "Not shown.");
  expect(lines).toEqual([
    "09:08:07 Ready.  stage=clean stores=a,b\n",
    "09:08:07 WARN Odd.  code=MR_EXPOSED\n",
    "09:08:07 ERROR Lost.  code=MR_IO\n",
  ]);
});
