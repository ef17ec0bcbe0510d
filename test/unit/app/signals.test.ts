import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { stopOnSignals } from "../../../src/app/signals.ts";

function stopped(...signals: ("SIGTERM" | "SIGINT")[]) {
  const source = new EventEmitter();
  const exits: number[] = [];
  const stop = stopOnSignals(source, (code) => exits.push(code));
  for (const signal of signals) source.emit(signal);
  return { stop, exits };
}

test("nothing stops without a signal", () => {
  const { stop, exits } = stopped();
  expect(stop.signal.aborted).toBe(false);
  expect(stop.exitCode(0)).toBe(0);
  expect(exits).toEqual([]);
});

test.each([
  ["SIGTERM", 0],
  ["SIGINT", 130],
] as const)("%s stops in order and makes a clean end %d", (signal, code) => {
  const { stop, exits } = stopped(signal);
  expect(stop.signal.aborted).toBe(true);
  expect(stop.exitCode(0)).toBe(code);
  expect(exits).toEqual([]);
});

test("a command that went wrong keeps its own code, whatever stopped it", () => {
  expect(stopped("SIGINT").stop.exitCode(1)).toBe(1);
});

test.each([
  ["SIGTERM", "SIGINT"],
  ["SIGINT", "SIGTERM"],
  ["SIGINT", "SIGINT"],
] as const)("%s and then %s ends at once with 75", (first, second) => {
  expect(stopped(first, second).exits).toEqual([75]);
});
