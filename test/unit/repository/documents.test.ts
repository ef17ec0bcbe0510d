import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { documentFiles, documentProblems } from "../../../scripts/documents.ts";

const root = join(import.meta.dirname, "../../..");
const sh = (line: string): string => `# Title\n\n\`\`\`sh\n${line}\n\`\`\`\n`;

describe("a document with", () => {
  test.each<[string, string, string]>([
    [
      "a command that does not exist",
      sh("bin/millrace validat topologies/flights.yaml"),
      "millrace has no command validat",
    ],
    [
      "a flag that does not exist",
      sh("millrace run topologies/flights.yaml --broker x:1"),
      "millrace run has no flag --broker",
    ],
    [
      "a file that does not exist",
      sh("millrace apply topologies/none.yaml --brokers x:1"),
      "there is no file topologies/none.yaml",
    ],
    [
      "a sample that does not exist",
      sh("millrace produce --sample topologies/none.yaml"),
      "there is no file topologies/none.yaml",
    ],
    ["a missing argument", sh("millrace tail --dev"), "an argument is missing"],
    ["an offline command that ends badly", sh("millrace validate schemas/payment.avsc"), "it ended with 1"],
    ["a script that does not exist", sh("npm ci && npm run demonstrate"), "package.json has no script demonstrate"],
    ["a program that nobody knows", sh("FOO=1 milrace dev x"), "nobody knows the program milrace"],
    [
      "a second command in a pipe that does not exist",
      sh("cat x | millrace produc t --dev"),
      "millrace has no command produc",
    ],
    [
      "a command in the text that does not exist",
      "# Title\n\nRun `millrace aply FILE`.\n",
      "millrace has no command aply",
    ],
    ["JSON that is none", "\n\n```json\n{ a: 1 }\n```\n", "this is not JSON"],
    [
      "a topology that has a problem",
      "\n\n```yaml\napiVersion: millrace/v1\nkind: Topology\nnmae: x\n```\n",
      'did you mean "name"',
    ],
    ["a link to no file", "\n\n[x](docs/none.md)\n", "there is no docs/none.md"],
    ["a link to no heading", "# Title\n\n[x](#titel)\n", "no such heading"],
  ])("%s is reported with its line", async (_, text, said) => {
    const problems = await documentProblems(root, "README.md", text);
    expect(problems.join("\n")).toContain(said);
    for (const problem of problems) expect(problem).toMatch(/^README\.md:[34]: /);
  });
});

test("a sound document has no problems", async () => {
  const text = [
    "# A title, with `code`",
    "[here](#a-title-with-code) and [there](ARCHITECTURE.md#words) and [outside](https://example.org/x)",
    "```sh",
    "$ npm ci && npm run build   # once",
    "MILLRACE_NAMESPACE=staging bin/millrace plan topologies/flights.yaml \\",
    "  --namespace test",
    "```",
    '```json\n{ "a": 1 }\n```',
    "```text\nmillrace anything\n```",
  ].join("\n");
  expect(await documentProblems(root, "README.md", text)).toEqual([]);
});

test("the documents of the repository are found, the generated ones too", () => {
  const files = documentFiles(root);
  for (const file of ["README.md", "CONTRIBUTING.md", "docs/reference/commands.md", "docs/decisions/0001-packages.md"])
    expect(files).toContain(file);
  for (const file of files) expect(readFileSync(join(root, file), "utf8").length, file).toBeGreaterThan(100);
});
