import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { describeFailure, ExitError, exitCodeOf, exitCodes, isStopped } from "../../../src/app/exit.ts";
import { OperationError, RecordError } from "../../../src/kernel/index.ts";
import { millrace } from "./command-line.ts";

const card = join(import.meta.dirname, "../../../topologies/card-fraud.yaml");

describe("a wrong command line ends with 64, says why on stderr and nothing on stdout", () => {
  test.each<[string, string[], RegExp]>([
    [
      "an unknown command close to a known one",
      ["validte", card],
      /MR_USAGE unknown command "validte"; did you mean "validate"\?/,
    ],
    ["an unknown command", ["frobnicate"], /MR_USAGE unknown command "frobnicate"; see millrace --help/],
    ["help for an unknown command", ["help", "frobnicate"], /unknown command "frobnicate"/],
    [
      "an unknown flag close to a known one",
      ["run", card, "--brokrs", "x"],
      /MR_USAGE unknown option '--brokrs'\n\(Did you mean --brokers\?\)/,
    ],
    ["an unknown flag of the program", ["--frobnicate"], /unknown option/],
    ["a missing argument", ["plan"], /MR_USAGE missing required argument 'file'/],
    ["one argument too many", ["tail", "a", "b"], /too many arguments/],
    ["a flag without its value", ["plan", card, "--brokers"], /argument missing/],
    ["no cluster for apply", ["apply", card], /MR_USAGE no cluster is named\n {2}give --brokers/],
    ["no cluster for run", ["run", card], /MR_USAGE no cluster is named/],
    ["no cluster for tail", ["tail", "t"], /MR_USAGE no cluster is named\n.*--dev/],
    ["brokers without a port", ["apply", card, "--brokers", "kafka"], /--brokers: "kafka" is not host:port/],
    ["a dev session and brokers at once", ["tail", "t", "--dev", "--brokers", "h:1"], /exclude each other/],
    ["a count that is none", ["tail", "t", "--max", "0"], /--max: a whole number above 0/],
    ["a place that is none", ["tail", "t", "--from", "yesterday"], /--from: "yesterday" is none of/],
    ["a training that is forced without a reason", ["train", card, "--dev", "--force"], /--force needs --reason/],
    [
      "a training that is forced and asks the gate",
      ["train", card, "--dev", "--force", "--promote", "--reason", "x"],
      /--promote asks the gate, and --force does not/,
    ],
    ["no cluster for models", ["models", "list", card], /MR_USAGE no cluster is named\n.*--dev/],
    ["a version that is none", ["models", "promote", card, "champion", "--dev"], /"champion" is no version/],
    ["no cluster for reconcile", ["reconcile", card], /MR_USAGE no cluster is named\n.*--dev/],
    [
      "a form that is none",
      ["reconcile", card, "--dev", "-o", "yaml"],
      /--output: "yaml" is none of table, json, jsonl/,
    ],
    ["a time that is none", ["reconcile", card, "--dev", "--from", "noon"], /--from: "noon" is no ISO 8601 time/],
    ["nothing to produce", ["produce"], /a topic is needed, or --sample FILE/],
    [
      "a file that is not there",
      ["produce", "t", "--file", "/nowhere/x.ndjson"],
      /--file: reading \/nowhere\/x.ndjson: ENOENT/,
    ],
    ["no file to produce from", ["produce", "t"], /--file is needed/],
    ["a sample for one topic", ["produce", "t", "--sample", card], /--sample knows its topics/],
    [
      "a drain without a unit",
      ["run", card, "--brokers", "h:1", "--drain-timeout", "25"],
      /--drain-timeout: a duration/,
    ],
    [
      "a stage that is not there",
      ["run", card, "--brokers", "h:1", "--stage", "scoer"],
      /no stage "scoer"\n {2}did you mean "score"\?/,
    ],
    [
      "a store that is not there",
      ["apply", card, "--brokers", "h:1", "--reset-state", "clean/dedupe", "--reset-state", "feature/rolling"],
      /--reset-state: card-fraud has no store "feature\/rolling" that is written down\n {2}did you mean "features\/rolling"\?/,
    ],
    [
      "a model that is not there",
      ["train", card, "--dev", "--model", "card-frod"],
      /no model "card-frod"\n {2}did you mean "card-fraud"\?/,
    ],
    [
      "a half account of the registry",
      ["tail", "t", "--brokers", "h:1"],
      /MILLRACE_REGISTRY_USER and MILLRACE_REGISTRY_PASSWORD_FILE go together/,
    ],
  ])("%s", async (name, argv, said) => {
    const environment = name.startsWith("a half account") ? { MILLRACE_REGISTRY_USER: "u" } : {};
    const { code, stdout, stderr } = await millrace(argv, { environment });
    expect({ code, stdout }).toEqual({ code: exitCodes.usage, stdout: "" });
    expect(stderr).toMatch(said);
  });

  test("no command at all", async () => {
    const { code, stdout, stderr } = await millrace([]);
    expect({ code, stdout }).toEqual({ code: exitCodes.usage, stdout: "" });
    expect(stderr).toContain("Usage: millrace");
  });
});

const time = "2026-01-01T00:00:00Z";

// Before anybody is asked: none of these names a cluster that is there.
describe("flags that do not go together, or miss another, are refused with what is wrong", () => {
  test.each<[string, RegExp]>([
    ["lag FILE --every 0s", /--every: "0s" is no time/],
    ["lag FILE --every soon", /--every: "soon" is no time/],
    ["produce t --file - --max 5", /--max goes with --sample/],
    ["produce t --sample FILE", /--sample knows its topics/],
    ["produce --sample FILE --file -", /--sample knows its topics/],
    ["produce --sample FILE --key k", /--sample knows its topics/],
    ["run FILE --role trainer --stage score", /--stage: a trainer runs no stages/],
    ["drift baseline FILE --measure", /--measure needs --monitor/],
    [`drift baseline FILE --from ${time}`, /--from and --to need --measure/],
    [`drift baseline FILE --to ${time}`, /--from and --to need --measure/],
    [`drift baseline FILE --measure --monitor m --from ${time}`, /--from and --to are given together/],
    [`drift baseline FILE --measure --monitor m --to ${time}`, /--from and --to are given together/],
    ["alerts ack FILE a", /--by is needed/],
    ["alerts ack FILE a --by ann --for 0s", /--for: "0s" is no time/],
    ["alerts silence FILE --for 1h --by ann", /--for, --by and --reason are needed/],
    ["alerts silence FILE --for 1h --reason x", /--for, --by and --reason are needed/],
    ["alerts silence FILE --by ann --reason x", /--for, --by and --reason are needed/],
    ["alerts silence FILE --for 1h --by ann --reason x --field f", /--field needs --monitor/],
    ["alerts silence FILE --end s --by ann", /--end takes a silence back, and stands alone/],
    ["alerts silence FILE --end s --for 1h", /--end takes a silence back, and stands alone/],
    ["alerts silence FILE --end s --monitor m", /--end takes a silence back, and stands alone/],
  ])("%s", async (words, said) => {
    const argv = words.split(" ").map((word) => (word === "FILE" ? card : word));
    const { code, stdout, stderr } = await millrace([...argv, ...(argv[0] === "run" ? [] : ["--dev"])]);
    expect({ code, stdout }).toEqual({ code: exitCodes.usage, stdout: "" });
    expect(stderr).toMatch(said);
  });
});

describe("what this version does not have is refused as MR_UNSUPPORTED with 64", () => {
  test.each([["--role", "registry"]])("run %s", async (...flags) => {
    const { code, stdout, stderr } = await millrace(["run", card, ...flags]);
    expect({ code, stdout }).toEqual({ code: exitCodes.usage, stdout: "" });
    expect(stderr).toMatch(/^MR_UNSUPPORTED --/);
  });

  test("also when it comes from the environment", async () => {
    const { code, stderr } = await millrace(["run", card], { environment: { MILLRACE_ROLE: "registry" } });
    expect({ code, stderr }).toMatchObject({ code: 64, stderr: expect.stringMatching(/^MR_UNSUPPORTED --role/) });
  });
});

test("the version is printed alone", async () => {
  expect(await millrace(["--version"])).toEqual({ code: 0, stdout: "0.1.0\n", stderr: "" });
  expect(await millrace(["-V"])).toEqual({ code: 0, stdout: "0.1.0\n", stderr: "" });
});

test("no dev session in the folder is a handled failure that names the command to start one", async () => {
  const { code, stderr } = await millrace(["tail", "t", "--dev"]);
  expect(code).toBe(exitCodes.failure);
  expect(stderr).toMatch(/^MR_DEV_SESSION .*start one with `millrace dev FILE`/);
});

describe("the exit code of an error", () => {
  test.each([
    [new ExitError(exitCodes.temporary, "later"), 75],
    [new OperationError("MR_BROKER", "no broker answers"), 69],
    [new OperationError("MR_REGISTRY", "no registry answers"), 69],
    [new OperationError("MR_USAGE", "line 3"), 64],
    [new OperationError("MR_TOPIC_MISSING", "no topic"), 1],
    [new RecordError("MR_CAST", "no number"), 1],
    [new TypeError("undefined is not a function"), 70],
    ["text", 70],
  ])("%s is %i", (thrown, code) => {
    expect(exitCodeOf(thrown)).toBe(code);
  });

  test("a bug is called one and shows where it is; a handled failure shows code, message and hint", () => {
    expect(describeFailure(new TypeError("oops"))).toMatch(/^MR_INTERNAL a bug in Millrace: TypeError: oops\n\s+at /);
    const refused = Object.assign(new Error("EACCES: permission denied, open 'x'"), {
      code: "EACCES",
      syscall: "open",
    });
    expect([exitCodeOf(refused), describeFailure(refused)]).toEqual([1, "MR_IO EACCES: permission denied, open 'x'"]);
    const failure = new ExitError(exitCodes.failure, "reading x", { code: "MR_IO", hint: "look again" });
    expect(describeFailure(failure)).toBe("MR_IO reading x\n  look again");
  });
});

const stopped = new Error("stopped by SIGINT");

test.each([
  ["the reason itself", stopped, true],
  ["an error of the adapter around it", new OperationError("MR_BROKER", "reading", { cause: stopped }), true],
  [
    "an aborted sleep inside that",
    new OperationError("MR_BROKER", "reading", { cause: new DOMException("aborted", { cause: stopped }) }),
    true,
  ],
  ["another error of the same moment", new OperationError("MR_BROKER", "no broker answers"), false],
  ["an error with the same words", new Error("stopped by SIGINT"), false],
  ["no error at all", "stopped by SIGINT", false],
])("what a stopped command throws is its end when it is %s", (_name, thrown, isEnd) => {
  expect(isStopped(thrown, AbortSignal.abort(stopped))).toBe(isEnd);
  expect(isStopped(thrown, new AbortController().signal)).toBe(false);
});

test.each([
  ["tail", "t"],
  ["plan", card],
  ["apply", card],
])("%s ends quietly when it is stopped before the cluster has answered", async (...argv) => {
  const ended = await millrace([...argv, "--brokers", "127.0.0.1:1"], { stop: AbortSignal.abort(stopped) });
  expect([ended.code, ended.stderr]).toEqual([0, ""]);
});
