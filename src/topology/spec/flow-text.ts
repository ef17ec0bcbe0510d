/** What YAML would read as something other than text. */
const otherType = /^(?:true|false|null|~|[-+.]?\d.*)$/i;
const durationText = /^\d+(?:ms|s|min|m|h|d)$/;
/** A plain scalar may not begin with an indicator, nor hold what ends it. */
const plainStart = /^[A-Za-z_(!]/;
const endsPlain = /: | #|:$|\s$|\n/;

/** A value in YAML's flow style on one line, for hints: `{ from: payments.features, except: [payment_id] }`. */
export function flowText(value: unknown): string {
  return text(value, false);
}

function text(value: unknown, isInside: boolean): string {
  if (Array.isArray(value)) return `[${value.map((item) => text(item, true)).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([name, item]) => `${text(name, true)}: ${text(item, true)}`);
    return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
  }
  if (typeof value === "string") return isPlain(value, isInside) ? value : JSON.stringify(value);
  return String(value);
}

function isPlain(value: string, isInside: boolean): boolean {
  if (durationText.test(value)) return true;
  if (otherType.test(value) || !plainStart.test(value) || endsPlain.test(value)) return false;
  return value.charAt(0) !== "!" && !(isInside && /[,[\]{}]/.test(value));
}

/** Longest line before a step is spread over several. */
const lineLengthMax = 96;

/** A step as the printed plan shows it: one line, or one per key of its config. Empty parts are left out. */
export function stepText(kind: string, config: unknown): string {
  if (typeof config !== "object" || config === null || Array.isArray(config)) return `${kind}: ${flowText(config)}`;
  const entries = Object.entries(config).filter(([, value]) => value !== undefined && !isEmpty(value));
  const line = `${kind}: ${flowText(Object.fromEntries(entries))}`;
  if (line.length <= lineLengthMax) return line;
  return [`${kind}:`, ...entries.flatMap(([name, value]) => entryLines(name, value))].join("\n");
}

function entryLines(name: string, value: unknown): string[] {
  const line = `  ${name}: ${flowText(value)}`;
  if (line.length <= lineLengthMax || typeof value !== "object" || value === null || Array.isArray(value))
    return [line];
  return [`  ${name}:`, ...Object.entries(value).map(([key, item]) => `    ${key}: ${flowText(item)}`)];
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
