import { expect, test } from "vitest";
import { commandRecord, type MonitorCommand } from "../../../src/monitor/index.ts";
import { TakenCommands } from "../../../src/monitoring/taken-commands.ts";

const ack = (requestId: string): MonitorCommand =>
  ({ kind: "ack", fingerprint: "shop/m", who: "ann", reason: "", untilMs: 2_000, requestId }) as MonitorCommand;
const { key } = commandRecord(ack("r1"));

test("what stands is due once, and again when it is given a second time", () => {
  const taken = new TakenCommands();
  taken.takeBaseline("m", "b1");
  expect(taken.due()).toEqual([{ key: "baseline/m", request: "b1" }]);
  expect(taken.due()).toEqual([]);
  taken.takeBaseline("m", "b1");
  expect(taken.due()).toEqual([{ key: "baseline/m", request: "b1" }]);
});

test("what was answered before a restart is not answered again; another request for the same is", () => {
  const taken = new TakenCommands();
  taken.take(commandRecord(ack("r1")));
  taken.takeAnswer({ key, request: "r1" });
  expect(taken.due()).toEqual([]);
  taken.take(commandRecord(ack("r2")));
  expect(taken.due()).toEqual([{ key, request: "r2" }]);
  const restarted = new TakenCommands();
  restarted.take(commandRecord(ack("r2")));
  restarted.takeAnswer({ key, request: "r1" });
  expect(restarted.due()).toEqual([{ key, request: "r2" }]);
});

test("what was taken back is told once, and only where it was told before", () => {
  const taken = new TakenCommands();
  taken.take(commandRecord(ack("r1")));
  taken.due();
  taken.take({ key, value: null });
  expect(taken.due()).toEqual([{ key, request: null }]);
  expect(taken.due()).toEqual([]);
  const unheard = new TakenCommands();
  unheard.take(commandRecord(ack("r1")));
  unheard.take({ key, value: null });
  expect(unheard.due()).toEqual([]);
});

test("what is no command to the judge is passed over", () => {
  const taken = new TakenCommands();
  taken.take({ key: "alias/fraud/champion", value: "{}" });
  expect(taken.due()).toEqual([]);
});
