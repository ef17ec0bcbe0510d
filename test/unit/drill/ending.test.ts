import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { type Ends, runToItsEnd } from "../../drill/ending.ts";
import { deferred } from "../../support/deadline.ts";

const never = new Promise<never>(() => undefined);

/** A run with what it writes, and how it ends. */
function stand(work: (ends: Ends) => Promise<boolean>, msMax = 60_000, endMsMax = 60_000) {
  const said: string[] = [];
  const process = Object.assign(new EventEmitter(), {
    exit: (code: number): void => {
      process.emit("exit");
      said.push(`exit ${code}`);
    },
  });
  const write = (to: "stdout" | "stderr", text: string): void => void said.push(`${to} ${text.split("\n")[0]}`);
  const ended = runToItsEnd(work, { line: () => "the line", msMax, endMsMax, process, write });
  return { said, process, ended };
}

test.each([
  [true, 0],
  [false, 1],
] as const)("work that answers %s ends with the line and with %i, what was begun last first", async (isWell, code) => {
  const { said, ended } = stand(async (ends) => {
    for (const name of ["first", "second"]) ends.push(async () => said.push(name));
    return isWell;
  });
  await ended;
  expect(said).toEqual(["stdout the line", "second", "first", `exit ${code}`]);
});

test("work that throws says why, and ends with the line", async () => {
  const { said, ended } = stand(() => Promise.reject(new Error("no broker")));
  await ended;
  expect(said).toEqual(["stderr Error: no broker", "stdout the line", "exit 1"]);
});

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
  ["SIGHUP", 129],
])("%s ends work that waits, with the line, and ends what was begun", async (signal, code) => {
  const { said, process, ended } = stand((ends) => {
    ends.push(async () => said.push("ended"));
    return never;
  });
  process.emit(signal);
  await ended;
  expect(said).toEqual([`stderr Error: ended by ${signal}`, "stdout the line", "ended", `exit ${code}`]);
});

test("a second signal does not wait for what is being ended", async () => {
  const isEnding = deferred();
  const { said, process } = stand((ends) => {
    ends.push(() => {
      isEnding.resolve();
      return never;
    });
    return never;
  });
  process.emit("SIGTERM");
  await isEnding.promise;
  process.emit("SIGINT");
  expect(said).toEqual(["stderr Error: ended by SIGTERM", "stdout the line", "exit 130"]);
});

test("what is thrown where nobody waits ends the work; once the line is said, it is only said", async () => {
  const { said, process, ended } = stand((ends) => {
    ends.push(async () => process.emit("uncaughtException", new Error("a late one")));
    return never;
  });
  process.emit("uncaughtException", new Error("no such place"));
  await ended;
  expect(said).toEqual(["stderr Error: no such place", "stdout the line", "stderr Error: a late one", "exit 1"]);
});

test("work that is not done in time is ended, and so is what does not end", async () => {
  const { said, ended } = stand(
    (ends) => {
      ends.push(
        async () => said.push("the other"),
        () => never,
      );
      return never;
    },
    1,
    1,
  );
  await ended;
  expect(said).toEqual([
    "stderr Error: not done within 0.001 s",
    "stdout the line",
    "stderr Error: waited 1 ms for something to end",
    "the other",
    "exit 1",
  ]);
});

test("a failure while something is ended spoils a run that was well", async () => {
  const { said, ended } = stand(async (ends) => {
    ends.push(() => Promise.reject(new Error("still there")));
    return true;
  });
  await ended;
  expect(said).toEqual(["stdout the line", "stderr Error: still there", "exit 1"]);
});

test("a process that ends by itself writes the line on its way out, once", () => {
  const { said, process } = stand(() => never);
  process.emit("exit");
  process.emit("exit");
  expect(said).toEqual(["stdout the line"]);
});
