import { expect, test } from "vitest";
import { problemLines, replaced, smallSchemas, smallText, soundPlan } from "./fixture.ts";

const withName = (value: string): string => replaced(smallText, "name: small", `name: ${value}`);

test("a variable stands for its value, and a default for one that is not set or empty", () => {
  const schemas = smallSchemas;
  expect(soundPlan(withName(`\${NAME}`), { schemas, environment: { NAME: "a" } }).topology).toBe("a");
  expect(soundPlan(withName(`\${NAME:-b}`), { schemas }).topology).toBe("b");
  expect(soundPlan(withName(`\${NAME:-b}`), { schemas, environment: { NAME: "" } }).topology).toBe("b");
  expect(soundPlan(withName(`"x-\${NAME:-b}"`), { schemas }).topology).toBe("x-b");
});

test("a plain value is typed after substitution, a quoted one stays text", () => {
  const environment = { COUNT: "3" };
  const plain = smallText.replace("features: { schema: inferred }", "features:\n    schema: inferred");
  const text = plain.replace(
    "  raw: { schema: payment, key: customer_id, time: paid_at, partitions: 2 }",
    ["  raw:", "    schema: payment", "    key: customer_id", "    time: paid_at", `    partitions: \${COUNT}`].join(
      "\n",
    ),
  );
  expect(soundPlan(text, { schemas: smallSchemas, environment }).topics[1]?.partitions).toBe(3);
  const quoted = replaced(text, `\${COUNT}`, `"\${COUNT}"`);
  expect(problemLines(quoted, { schemas: smallSchemas, environment })).toEqual([
    "t.yaml:11:17 MR_WRONG_TYPE topics.raw.partitions: expected a whole number, found text; write partitions: 3",
  ]);
});

test("what a variable holds is not looked at for variables again", () => {
  const description = replaced(smallText, "name: small", `name: small\ndescription: \${TEXT}`);
  const plan = soundPlan(description, { schemas: smallSchemas, environment: { TEXT: `\${HOME} and $\${x}` } });
  expect(plan.description).toBe(`\${HOME} and $\${x}`);
});

test(`$\${ stands for a literal \${`, () => {
  const text = replaced(smallText, "name: small", `name: small\ndescription: costs $\${x}`);
  expect(soundPlan(text, { schemas: smallSchemas }).description).toBe(`costs \${x}`);
});

test("a variable that is not set is reported once, with its place, and nothing follows from it", () => {
  expect(problemLines(withName(`\${NAME}`), { schemas: smallSchemas })).toEqual([
    `t.yaml:3:7 MR_ENVIRONMENT name: the environment variable NAME is not set; set NAME, or give a default: \${NAME:-value}`,
  ]);
  expect(problemLines(withName(`"\${NAME:?say which}"`), { schemas: smallSchemas })).toEqual([
    `t.yaml:3:7 MR_ENVIRONMENT name: say which; set NAME, or give a default: \${NAME:-value}`,
  ]);
});

test("a value comes from a file where files may be read", () => {
  const schemas = smallSchemas;
  const asked: string[] = [];
  const fileText = (path: string) => {
    asked.push(path);
    return path.endsWith("/name") ? { text: "mounted" } : { reason: "ENOENT: no such file" };
  };
  expect(soundPlan(withName(`\${file:/run/secrets/name}`), { schemas, fileText }).topology).toBe("mounted");
  expect(asked).toEqual(["/run/secrets/name"]);
  expect(problemLines(withName(`\${file:/run/other}`), { schemas, fileText })).toEqual([
    `t.yaml:3:7 MR_ENVIRONMENT name: the file /run/other cannot be read: ENOENT: no such file; create it, or put the value into an environment variable and write \${NAME}`,
  ]);
  // Which folder it would begin in depends on who runs the command.
  expect(problemLines(withName(`\${file:secrets/name}`), { schemas, fileText })).toEqual([
    `t.yaml:3:7 MR_ENVIRONMENT name: a file is named by its whole path, which begins with /; write \${file:/run/secrets/NAME}`,
  ]);
  expect(problemLines(withName(`\${file:/run/secrets/name}`), { schemas })).toEqual([
    `t.yaml:3:7 MR_UNSUPPORTED name: values from files are not read here; put the value into an environment variable and write \${NAME}`,
  ]);
});

test("what is no reference is said to be none", () => {
  expect(problemLines(withName(`\${1NAME}`), { schemas: smallSchemas })[0]).toContain("names no environment variable");
  expect(problemLines(withName(`"\${NAME"`), { schemas: smallSchemas })[0]).toContain("the brace is not closed");
});

test("keys are not substituted", () => {
  const text = replaced(smallText, "delivery: at-least-once", `delivery: at-least-once\n\${KEY:-owner}: me`);
  expect(problemLines(text, { schemas: smallSchemas })).toEqual([
    expect.stringMatching(/^t\.yaml:5:1 MR_UNKNOWN_KEY \["\$\{KEY:-owner\}"\]: unknown key; /),
  ]);
});

test("__proto__ and constructor in the environment are not variables", () => {
  expect(problemLines(withName(`\${constructor}`), { schemas: smallSchemas })[0]).toContain("MR_ENVIRONMENT");
});
