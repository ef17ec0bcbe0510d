import { expect, test } from "vitest";
import { commandRecord, type MonitorCommand, readCommand } from "../../../../src/monitor/index.ts";
import { Mutes } from "../../../../src/monitor/judging/commands.ts";

const told = { who: "ops", reason: "known", untilMs: 1_700_000_000_000, requestId: "r1" };
const ack: MonitorCommand = { ...told, kind: "ack", fingerprint: "t/m/x" };
const silence: MonitorCommand = { ...told, kind: "silence", id: "s1", monitor: "m", field: undefined };

test("commands read back as they were written, JSON under their key", () => {
  for (const command of [ack, silence]) expect(readCommand(commandRecord(command))).toEqual(command);
  expect(commandRecord(ack)).toEqual({
    key: "ack/t/m/x",
    value: '{"who":"ops","reason":"known","until":"2023-11-14T22:13:20.000Z","requestId":"r1"}',
  });
  expect(commandRecord(silence).key).toBe("silence/s1");
});

test.each([
  ["another key", { key: "alias/m", value: commandRecord(ack).value }],
  ["a null value", { key: "ack/t/m/x", value: null }],
  ["no JSON", { key: "ack/t/m/x", value: "{" }],
  ["JSON null", { key: "ack/t/m/x", value: "null" }],
  ["no time", { key: "ack/t/m/x", value: '{"until":"tomorrow"}' }],
  ["a monitor that is no text", { key: "silence/1", value: '{"until":"2023-11-14T22:13:20Z","monitor":7}' }],
])("%s is no command", (_, record) => {
  expect(readCommand(record)).toBeUndefined();
});

test("a silence holds until its end, the last of its id counts, and a null takes it back", () => {
  const mutes = new Mutes("t");
  const isMuted = (nowMs: number) => mutes.isMuted("m", "x", nowMs);
  mutes.take(commandRecord(silence));
  expect([isMuted(told.untilMs - 1), isMuted(told.untilMs)]).toEqual([true, false]);
  expect(mutes.isMuted("other", "x", 0)).toBe(false);
  mutes.take(commandRecord({ ...silence, untilMs: 5 }));
  expect(isMuted(5)).toBe(false);
  mutes.take(commandRecord(silence));
  mutes.take({ key: "silence/s1", value: null });
  expect(isMuted(0)).toBe(false);
});
