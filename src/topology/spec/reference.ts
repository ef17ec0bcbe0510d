import { stringify } from "yaml";
import { z } from "zod";
import { type LearnerKind, learnerCatalogue } from "../../model/index.ts";
import { flowText } from "./flow-text.ts";
import { laterKeys, laterValues } from "./later.ts";
import { type JsonSchema, levelsOf } from "./levels.ts";
import type { TopologyLanguage } from "./shape.ts";

/** The JSON Schema for editors: what `docs/reference/topology.schema.json` holds. */
export function topologyJsonSchema(language: TopologyLanguage): string {
  return `${JSON.stringify(language.jsonSchema, null, 2)}\n`;
}

/** The reference page in Markdown: every key of the language with type, need, meaning and example. */
export function topologyReference(language: TopologyLanguage): string {
  const levels = levelsOf(language.jsonSchema).filter(({ level }) => !level.startsWith("stages.*.steps"));
  const parts = [
    "# The topology file",
    `One YAML file describes topics, stages, models, monitors and their tests. Unknown keys are refused, and so are keys that a later version brings. In values, \`\${VAR}\`, \`\${VAR:-default}\` and \`\${VAR:?message}\` take from the environment, and \`\${file:/run/secrets/NAME}\` takes the text of a file; \`$\${\` stands for a literal \`\${\`. Durations are written \`100ms\`, \`25s\`, \`10min\`, \`1h\`, \`7d\`.`,
    ...levels.map(({ level, schema }) => levelText(level, schema)),
    "## Steps",
    "A step is a mapping of one key, its kind. Steps run in the order written, on one record after the other.",
    ...language.catalogue.map((step) => {
      const example = stringify([{ [step.kind]: step.example }], { flowCollectionPadding: true }).trimEnd();
      const config =
        language.jsonSchema.properties?.["stages"]?.items?.properties?.["steps"]?.items?.properties?.[step.kind];
      const table = config?.properties === undefined ? [] : [tableOf(config)];
      const details = step.details === undefined ? [] : [step.details];
      return [`### \`${step.kind}\``, step.summary, ...details, ...table, `\`\`\`yaml\n${example}\n\`\`\``].join(
        "\n\n",
      );
    }),
    "## Learners",
    "What `candidates` can name. Their settings are the defaults, which no topology changes in this version; rows are standardised and text is one-hot before.",
    ...Object.values(learnerCatalogue).map(learnerText),
    "## Not in this version",
    "These parts of the language are refused as `MR_UNSUPPORTED`.",
    laterText(),
  ];
  return `${parts.join("\n\n")}\n`;
}

function learnerText({ kind, summary, modes, config }: (typeof learnerCatalogue)[LearnerKind]): string {
  const settings = Object.entries((z.toJSONSchema(config) as JsonSchema).properties ?? {});
  const rows = settings.map(
    ([name, setting]) => `| \`${name}\` | \`${flowText(setting.default)}\` | ${cell(setting.description ?? "")} |`,
  );
  const starts = modes.length > 1 ? " It can go on from a version that is there." : "";
  return [
    `### \`${kind}\``,
    `${summary}${starts}`,
    ["| setting | value | meaning |", "|---|---|---|", ...rows].join("\n"),
  ].join("\n\n");
}

function levelText(level: string, schema: JsonSchema): string {
  const title = level === "" ? "## The root of the file" : `## \`${level.replaceAll(".*", "[]")}\``;
  const about = schema.description ?? "";
  return [title, about, tableOf(schema)].filter((part) => part !== "").join("\n\n");
}

function tableOf(schema: JsonSchema): string {
  const rows = Object.entries(schema.properties ?? {}).map(([name, key]) => {
    const need = schema.required?.includes(name) === true ? "yes" : "";
    const example = key.examples?.[0] === undefined ? "" : `\`${flowText(key.examples[0])}\``;
    return `| \`${name}\` | ${typeText(key)} | ${need} | ${cell(meaningOf(key))} | ${cell(example)} |`;
  });
  return ["| key | type | required | meaning | example |", "|---|---|---|---|---|", ...rows].join("\n");
}

function meaningOf(key: JsonSchema): string {
  const absent = key.default === undefined ? "" : ` Default: \`${flowText(key.default)}\`.`;
  return `${key.description ?? ""}${absent}`;
}

function typeText(key: JsonSchema): string {
  if (key.const !== undefined) return `\`${flowText(key.const)}\``;
  if (key.enum !== undefined) return key.enum.map((value) => `\`${flowText(value)}\``).join(" or ");
  if (key.anyOf !== undefined) return [...new Set(key.anyOf.map(typeText))].join(" or ");
  if (key.type === "array") return `list of ${key.items === undefined ? "values" : typeText(key.items)}`;
  if (key.type === "object") return "mapping";
  const name = key.type === "string" ? "text" : key.type === "integer" ? "whole number" : (key.type ?? "any value");
  return `${name}${rangeText(key)}`;
}

function rangeText({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  const isOpen = (bound: number | undefined): boolean =>
    bound === undefined || Math.abs(bound) >= Number.MAX_SAFE_INTEGER;
  const low = exclusiveMinimum === undefined ? minimum : exclusiveMinimum;
  if (isOpen(low) && isOpen(maximum)) return "";
  if (isOpen(maximum)) return exclusiveMinimum === undefined ? `, at least ${low}` : `, more than ${low}`;
  return isOpen(low)
    ? `, at most ${maximum}`
    : `, ${exclusiveMinimum === undefined ? "" : "above "}${low} to ${maximum}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function laterText(): string {
  const rows = [
    ...Object.entries(laterKeys).map(([level, keys]) => [level, keys] as const),
    ...Object.entries(laterValues).map(([level, values]) => [level, values] as const),
  ].map(([level, names]) => {
    const place = level === "" ? "the root of the file" : `\`${level.replaceAll(".*", "[]")}\``;
    return `| ${place} | ${names.map((name) => `\`${name}\``).join(", ")} |`;
  });
  return ["| where | what |", "|---|---|", ...rows].join("\n");
}
