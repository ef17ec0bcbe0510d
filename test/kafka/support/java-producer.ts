import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runJava } from "../harness/java.ts";

const source = join(import.meta.dirname, "../../java/EventProducer.java");
const timeoutMs = 60_000;

/** What the producer sends: a key, and bytes or nothing. */
export interface ToSend {
  readonly key: string;
  readonly value: Buffer | null;
}

/** Where an event came to lie. */
export interface SentAt {
  readonly partition: number;
  readonly offset: number;
}

export interface ProduceOptions {
  readonly bootstrap: string;
  readonly topic: string;
  /** As fast as possible when not given. */
  readonly perSecond?: number;
  /** Settings of Kafka's producer on top of `acks=all`. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** Sends events with Kafka's own Java producer; answers where each of them lies, in the order given. */
export async function produceWithJava(events: readonly ToSend[], options: ProduceOptions): Promise<SentAt[]> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-events-"));
  try {
    const file = join(folder, "events");
    await writeFile(file, events.map(({ key, value }) => `${key}\t${value?.toString("base64") ?? "-"}\n`).join(""));
    const properties = Object.entries(options.properties ?? {}).map(([name, value]) => `${name}=${value}`);
    const args = [options.bootstrap, options.topic, file, String(options.perSecond ?? 0), ...properties];
    const { code, stdout, stderr } = await runJava(source, args, { timeoutMs });
    if (code !== 0) throw new Error(`producing to ${options.topic} with Java ended with ${code}: ${stderr}`);
    const sent = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" ").map(Number));
    if (sent.length !== events.length) throw new Error(`${events.length} events were given, ${sent.length} sent`);
    return sent.map(([partition, offset]) => ({ partition: partition!, offset: offset! }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
