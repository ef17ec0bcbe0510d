import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { flagsOf } from "../../../src/app/cli/command.ts";
import { commands, groups } from "../../../src/app/cli/commands.ts";
import { millrace } from "./command-line.ts";

const golden = join(import.meta.dirname, "../../golden/help");
const names = commands.map((entry) => entry.name);

const goldenOf = (name: string): string => `${name.replace(" ", "-")}.txt`;

test("the help of the program is the golden file", async () => {
  const { code, stdout, stderr } = await millrace(["--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  await expect(stdout).toMatchFileSnapshot(join(golden, "millrace.txt"));
});

test.each(names)("the help of %s is the golden file, however it is asked for", async (name) => {
  const { code, stdout, stderr } = await millrace([...name.split(" "), "--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  await expect(stdout).toMatchFileSnapshot(join(golden, goldenOf(name)));
  expect((await millrace(["help", ...name.split(" ")])).stdout).toBe(stdout);
});

test.each(Object.keys(groups))("the help of %s lists the commands below it", async (group) => {
  const { code, stdout, stderr } = await millrace([group, "--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  for (const name of names.filter((known) => known.startsWith(`${group} `)))
    expect(stdout).toMatch(new RegExp(`^  ${name.slice(group.length + 1)} `, "m"));
  expect((await millrace(["help", group])).stdout).toBe(stdout);
});

test("a group alone is no command, and neither is what is not in it", async () => {
  expect(await millrace(["drift"])).toMatchObject({ code: 64, stdout: "" });
  expect(await millrace(["drift", "stauts"])).toMatchObject({ code: 64, stdout: "" });
  expect((await millrace(["drift", "stauts"])).stderr).toContain('did you mean "drift status"?');
  expect((await millrace(["dirft", "status"])).stderr).toContain('did you mean "drift"?');
});

test("there is a golden file for each command, and no other", () => {
  expect(readdirSync(golden).sort()).toEqual(["millrace", ...names].map(goldenOf).sort());
});

/** Acts that cannot be taken back: a variable that stays set would do them again. */
const withoutVariable = new Set(["--reset-state"]);

describe.each(names)("the flags of %s", async (name) => {
  const entry = commands.find((candidate) => candidate.name === name);
  const definition = await entry?.load();
  const command = definition?.command.configure(new Command(name)) ?? new Command();
  const options = command.options.filter(({ long }) => !withoutVariable.has(long ?? ""));

  test("each have a variable in the help text", async () => {
    for (const option of options) {
      const variable = `MILLRACE_${option.name().replaceAll("-", "_").toUpperCase()}`;
      expect(option.description, option.long ?? "").toContain(`[${variable}]`);
    }
  });

  test("are taken from their variables, which a flag on the command line wins over", () => {
    for (const option of options) {
      const variable = `MILLRACE_${option.name().replaceAll("-", "_").toUpperCase()}`;
      const value = option.required ? "from the variable" : "true";
      const expected = option.variadic ? [value] : option.required ? value : !option.negate;
      expect(flagsOf(command, { [variable]: value })[option.attributeName()], variable).toEqual(expected);
      expect(flagsOf(command, { [variable]: "" })[option.attributeName()], variable).toEqual(
        command.opts()[option.attributeName()],
      );
    }
  });
});

test("an act that cannot be taken back is asked for on the command line alone, once or several times", async () => {
  const definition = await commands.find(({ name }) => name === "apply")?.load();
  const command = definition!.command.configure(new Command("apply"));
  expect(flagsOf(command, { MILLRACE_RESET_STATE: "a/b" })["resetState"]).toBeUndefined();
  command.parse(["--reset-state", "a/b", "--reset-state", "c/d", "file"], { from: "user" });
  expect(flagsOf(command, {})["resetState"]).toEqual(["a/b", "c/d"]);
});

test("a flag wins over its variable", () => {
  const command = new Command("x").option("--max <n>").option("--names <n...>").option("--dev");
  command.parse(["--max", "3", "--names", "a", "b"], { from: "user" });
  expect(flagsOf(command, { MILLRACE_MAX: "4", MILLRACE_NAMES: "c, d", MILLRACE_DEV: "0" })).toEqual({
    max: "3",
    names: ["a", "b"],
    dev: false,
  });
  expect(flagsOf(command, { MILLRACE_DEV: "1" })).toMatchObject({ dev: true });
  expect(() => flagsOf(command, { MILLRACE_DEV: "perhaps" })).toThrow('"perhaps" is neither true nor false');
});
