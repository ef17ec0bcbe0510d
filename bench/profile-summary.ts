/**
 * Adds up a V8 CPU profile by area: whose work a sample was, from the function it hit and those that called it.
 *
 * A function of the repository belongs to the area of its file. One that several areas use (checksums, bytes, Node's
 * own and generated code) belongs to the nearest caller that has an area.
 */

/** The part of `.cpuprofile` that is read. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** µs since the sample before; the first since `startTime`. */
  readonly timeDeltas: readonly number[];
  /** Monotonic, in µs. */
  readonly startTime: number;
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

export const profileAreas = [
  "fetch: CRC, record index",
  "Avro decode",
  "steps",
  "rolling",
  "infer",
  "monitors",
  "Avro encode",
  "batch build, CRC",
  "sockets, kafkajs, requests",
  "stage, pump",
  "garbage collection",
  "rest",
] as const;
export type ProfileArea = (typeof profileAreas)[number];

/** First match wins; `null` leaves it to the caller. */
const rules: readonly (readonly [RegExp, ProfileArea | null])[] = [
  [/\/(runtime\/tap\/[\w-]+|monitor\/[\w/-]+|state\/window-(?:counts|total)|schema\/field-values)\.js /, "monitors"],
  [/\/wire\/(decode-fetched|record-index|record-cursor|aborted-transactions)\.js /, "fetch: CRC, record index"],
  [/\/wire\/(record-batch-builder|byte-target|varint|headers)\.js /, "batch build, CRC"],
  [/\/wire\/murmur2\.js /, "batch build, CRC"],
  [/\/wire\//, null],
  [/\/runtime\/(input-reader|writer-schemas)\.js /, "Avro decode"],
  [/\/schema\/(byte-cursor|generated-decoder|resolved-reader|framing)\.js /, "Avro decode"],
  [/\/runtime\/output-encoder\.js /, "Avro encode"],
  [/\/schema\/(byte-sink|generated-encoder|value-writer)\.js /, "Avro encode"],
  [/\/schema\/row-codec\.js encode$/, "Avro encode"],
  [/\/schema\//, null],
  [/\/(runtime\/inference|runtime\/scoring-piece|model\/[\w-]+)\.js /, "infer"],
  [/\/(state\/[\w-]+|stats\/[\w-]+|step\/(features\/)?(rolling|rolling-memory|aggregates))\.js /, "rolling"],
  [/\/(expression\/[\w-]+|step\/[\w/-]+)\.js /, "steps"],
  [/\/runtime\/output-batches\.js /, "batch build, CRC"],
  [/\/runtime\//, "stage, pump"],
  [/\/adapters\/kafkajs\//, "sockets, kafkajs, requests"],
  [/node_modules\/kafkajs\//, "sockets, kafkajs, requests"],
  [/^node:(net|internal\/stream)/, "sockets, kafkajs, requests"],
  [/^ \(garbage collector\)$/, "garbage collection"],
];

/** Time on the main thread by area, and the functions that took most of it. */
export interface ProfileSummary {
  readonly microsByArea: Readonly<Record<ProfileArea, number>>;
  /** All but idle. */
  readonly busyMicros: number;
  readonly functions: readonly { readonly name: string; readonly area: ProfileArea; readonly micros: number }[];
}

/** @param fromMicros and toMicros: samples outside are left out; the monotonic clock of the process */
export function summariseProfile(profile: CpuProfile, fromMicros: number, toMicros: number): ProfileSummary {
  const areas = areasOf(profile.nodes);
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const microsByArea = Object.fromEntries(profileAreas.map((area) => [area, 0])) as Record<ProfileArea, number>;
  const byFunction = new Map<string, { name: string; area: ProfileArea; micros: number }>();
  let busyMicros = 0;
  let at = profile.startTime;
  for (const [i, id] of profile.samples.entries()) {
    at += profile.timeDeltas[i] ?? 0;
    // A sample stands for the time until the next one.
    const micros = profile.timeDeltas[i + 1] ?? 0;
    const frame = frames.get(id);
    if (at < fromMicros || at >= toMicros || frame === undefined || frame.functionName === "(idle)") continue;
    const area = areas.get(id) ?? "rest";
    microsByArea[area] += micros;
    busyMicros += micros;
    const file = frame.url.split("/").slice(-2).join("/");
    const name = `${frame.functionName === "" ? "(anonymous)" : frame.functionName} ${file}:${frame.lineNumber + 1}`;
    const known = byFunction.get(`${area} ${name}`);
    if (known === undefined) byFunction.set(`${area} ${name}`, { name, area, micros });
    else known.micros += micros;
  }
  const functions = [...byFunction.values()].sort((a, b) => b.micros - a.micros);
  return { microsByArea, busyMicros, functions };
}

function areasOf(nodes: readonly ProfileNode[]): Map<number, ProfileArea> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const children = new Set(nodes.flatMap((node) => node.children ?? []));
  const areas = new Map<number, ProfileArea>();
  const waiting: (readonly [ProfileNode, ProfileArea])[] = nodes
    .filter((node) => !children.has(node.id))
    .map((node) => [node, "rest"]);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [node, callers] = next;
    const area = areaOfFrame(node, callers);
    areas.set(node.id, area);
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) waiting.push([child, area]);
    }
  }
  return areas;
}

function areaOfFrame({ callFrame: { url, functionName } }: ProfileNode, callers: ProfileArea): ProfileArea {
  // The generated function of a program: a stage's steps, or what inference makes of a row.
  if (url === "" && functionName === "run") return callers === "infer" ? "infer" : "steps";
  const text = `${url} ${functionName}`;
  for (const [pattern, area] of rules) if (pattern.test(text)) return area ?? callers;
  return callers;
}
