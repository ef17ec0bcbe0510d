import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCodecs } from "../../src/adapters/codecs/index.ts";
import { type Header, seededRng } from "../../src/kernel/index.ts";
import {
  type BatchSpec,
  type Codecs,
  decodeFetched,
  type RawBatch,
  RecordBatchBuilder,
  readHeaders,
  stampProducer,
  writeBaseOffset,
} from "../../src/wire/index.ts";
import { javaMissing, runJava } from "./harness/java.ts";

// Kafka's own classes (WireOracle.java, kafka-clients 4.4.0) beside ours: no broker takes part.
const oracle = join(import.meta.dirname, "../java/WireOracle.java");
const missing = javaMissing();
const title = missing === undefined ? "" : ` (skipped: ${missing})`;

/** A record as the oracle prints it; bytes in base64. */
interface Line {
  readonly batch: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [name: string, value: string | null])[];
}

let codecs: Codecs;
let folder: string;
beforeAll(async () => {
  codecs = await createCodecs();
  folder = await mkdtemp(join(tmpdir(), "millrace-wire-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const java = async (mode: "read" | "write", path: string): Promise<string> => {
  const { code, stdout, stderr } = await runJava(oracle, [mode, path]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
};

const linesOf = (text: string): Line[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

describe.skipIf(missing !== undefined)(`batches that Java wrote${title}`, () => {
  beforeAll(() => java("write", folder).then(() => undefined));

  test.each(["none", "gzip", "snappy", "lz4", "zstd"])("are read with %s, without what was aborted", async (codec) => {
    const file = await readFile(join(folder, `${codec}.batches`));
    const expected = linesOf(await readFile(join(folder, `${codec}.jsonl`), "utf8"));
    const fetched = withoutLengths(file);
    const batch = decodeFetched(fetched, {
      topic: codec,
      partition: 0,
      offsetAsked: 5_000_000_000,
      logStartOffset: -1,
      endOffset: -1,
      // The broker's order: by where the transactions ended. Producer 8 aborts first and then commits another.
      abortedTransactions: [
        { producerId: 8n, firstOffset: 5_000_000_420n },
        { producerId: 7n, firstOffset: 5_000_000_400n },
      ],
      codecs,
      verifyCrc: true,
    });
    expect(batch.count).toBe(820);
    expect(linesFrom(batch, 0)).toEqual(expected);
    expect(Math.max(...batch.valueTo.map((to, i) => to - batch.valueFrom[i]!))).toBe(200_000);
    // 2 x 400 records, 4 transactional batches of 20, 3 markers.
    expect(batch.offsetNext).toBe(5_000_000_883);
  });
});

describe.skipIf(missing !== undefined)(`batches that Java reads${title}`, () => {
  test("hold what the builder was given, plain and gzip, with and without a producer", async () => {
    const specs: BatchSpec[] = [
      { topic: "t", partition: 0, role: "output", bytesMax: 1_000_000 },
      { topic: "t", partition: 0, role: "output", bytesMax: 1_000_000, compression: "gzip", codecs },
    ];
    const batches: Buffer[] = [];
    const expected: Line[] = [];
    for (let n = 0; n < 20; n++) {
      const { bytes, lines } = randomBatch(n, specs[n % 2]!);
      writeBaseOffset(bytes, 0, n * 3_000_000_000);
      if (n % 4 > 1)
        stampProducer(bytes, { producerId: n, producerEpoch: 1, baseSequence: 0, transactional: n % 4 > 2 });
      batches.push(bytes);
      expected.push(...lines.map((line) => ({ ...line, offset: n * 3_000_000_000 + line.offset })));
    }
    const path = join(folder, "ours.batches");
    await writeFile(path, withLengths(batches));
    expect(linesOf(await java("read", path))).toEqual(expected);
  });
});

/** Up to 300 records with everything that a record may have; the seed is the batch's number. */
function randomBatch(n: number, spec: BatchSpec): { bytes: Buffer; lines: Line[] } {
  const rng = seededRng(n);
  const builder = new RecordBatchBuilder(spec);
  const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => rng.below(256)));
  const run = (lengthMax: number): Buffer | null => (rng.below(6) === 0 ? null : noise(rng.below(lengthMax)));
  const lines: Line[] = [];
  for (let offset = 0; offset <= n * 15; offset++) {
    const timestampMs = rng.below(5) === 0 ? rng.below(2 ** 31) : 1_700_000_000_000 + rng.below(1_000_000);
    const [key, value] = [run(30), offset === 40 ? noise(200_000) : run(300)];
    const headers: Header[] = Array.from({ length: rng.below(4) }, (_, i) => ({ name: `hé${i}`, value: run(20) }));
    builder.appendWithHeaders(timestampMs, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers);
    lines.push({ batch: n, offset, timestampMs, key: base64(key), value: base64(value), headers: pairs(headers) });
  }
  return { bytes: builder.finish().bytes, lines };
}

function linesFrom(batch: RawBatch, n: number): Line[] {
  return Array.from({ length: batch.count }, (_, i) => ({
    batch: n,
    offset: batch.offsets[i]!,
    timestampMs: batch.timestampsMs[i]!,
    key: batch.keyFrom[i]! < 0 ? null : batch.bytes.toString("base64", batch.keyFrom[i], batch.keyTo[i]),
    value: batch.valueFrom[i]! < 0 ? null : batch.bytes.toString("base64", batch.valueFrom[i], batch.valueTo[i]),
    headers: pairs(readHeaders(batch, i)),
  }));
}

const pairs = (headers: readonly Header[]) =>
  headers.map(({ name, value }) => [Buffer.from(name).toString("base64"), base64(value)] as const);

function base64(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString("base64");
}

function withLengths(batches: readonly Buffer[]): Buffer {
  return Buffer.concat(
    batches.flatMap((batch) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(batch.length);
      return [length, batch];
    }),
  );
}

function withoutLengths(file: Buffer): Buffer {
  const batches: Buffer[] = [];
  for (let at = 0; at < file.length; at += 4 + file.readInt32BE(at)) {
    batches.push(file.subarray(at + 4, at + 4 + file.readInt32BE(at)));
  }
  return Buffer.concat(batches);
}
