import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { unknownVariables } from "../../../src/app/unknown-variables.ts";
import type { LogFields } from "../../../src/kernel/index.ts";
import { millrace } from "./command-line.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-variables-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function warned(names: readonly string[], files: readonly string[] = []): Promise<readonly LogFields[]> {
  return unknownVariables(Object.fromEntries(names.map((name) => [name, "a secret"])), files);
}

test("a misspelt variable is named with the one that was meant, and its value is not shown", async () => {
  expect(await warned(["MILLRACE_BROKER", "MILLRACE_UNTIL_CAUGHTUP", "MILLRACE_SASL_PASSWORD"])).toEqual([
    { variable: "MILLRACE_BROKER", hint: "did you mean MILLRACE_BROKERS?" },
    {
      variable: "MILLRACE_SASL_PASSWORD",
      hint: "did you mean MILLRACE_SASL_PASSWORD_FILE?",
    },
    {
      variable: "MILLRACE_UNTIL_CAUGHTUP",
      hint: "did you mean MILLRACE_UNTIL_CAUGHT_UP?",
    },
  ]);
});

// One that stays set would empty a store at every apply.
test("an act that cannot be taken back has no variable", async () => {
  expect(await warned(["MILLRACE_RESET_STATE"])).toMatchObject([{ variable: "MILLRACE_RESET_STATE" }]);
});

test("a variable that is like none is named all the same", async () => {
  expect(await warned(["MILLRACE_QUUX"])).toEqual([{ variable: "MILLRACE_QUUX" }]);
});

test("what any command reads is known, and so is what others put there", async () => {
  const known = [
    "MILLRACE_BROKERS",
    "MILLRACE_HTTP",
    "MILLRACE_MODEL",
    "MILLRACE_SAMPLE",
    "MILLRACE_NO_SAMPLE",
    "MILLRACE_TLS_CA",
    "MILLRACE_REGISTRY_PASSWORD_FILE",
    "MILLRACE_TEST_BROKERS",
    "MILLRACE_SERVICE_HOST",
    "MILLRACE_SERVICE_PORT_HTTP",
    "MILLRACE_WORKER_PORT_8080_TCP_ADDR",
    "MILLRACE_PORT",
    "PATH",
  ];
  expect(await warned(known)).toEqual([]);
});

test("a variable that the topology itself names is known, with a default or without", async () => {
  const file = join(folder, "t.yaml");
  writeFileSync(file, `name: \${MILLRACE_INBOX}\nother: \${MILLRACE_OUTBOX:-x}\n`);
  const names = ["MILLRACE_INBOX", "MILLRACE_OUTBOX", "MILLRACE_THIRD"];
  expect((await warned(names, [file])).map(({ variable }) => variable)).toEqual(["MILLRACE_THIRD"]);
  // Arguments that are no files, such as topics and folders, are nothing to look into.
  expect(await warned(names, ["payments.inbox", folder])).toHaveLength(3);
});

test("a command says so on stderr, and goes on", async () => {
  const file = join(import.meta.dirname, "../../../topologies/card-fraud.yaml");
  const environment = { MILLRACE_REGISTY: "http://bob:hunter2@registry" };
  const { code, stdout, stderr } = await millrace(["plan", file], { environment });
  expect(code).toBe(0);
  expect(stdout).toContain("card-fraud");
  expect(stderr).toContain("MR_VARIABLE_UNKNOWN variable=MILLRACE_REGISTY hint=did you mean MILLRACE_REGISTRY?");
  expect(stdout + stderr).not.toContain("hunter2");
});
