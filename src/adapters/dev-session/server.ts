/**
 * Lets `produce`, `tail` and `train` in another terminal reach the in-process broker of a dev session.
 *
 * Listens on the loopback address only, and answers nobody without the session's token.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Logger, MillraceError, messageOf, OperationError, say, type TopicPartition } from "../../kernel/index.ts";
import type { Broker, OffsetRange, TransactionalWriter } from "../../runtime/index.ts";
import type { TopicToCreate } from "../../topology/index.ts";
import { claimSessionFile, removeSessionFile } from "./session-file.ts";
import { batchToJson, recordsFromJson } from "./wire-form.ts";

export interface DevSessionServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Largest request body; clients send far less. */
const bodyBytesMax = 64 * 1024 * 1024;
/** An empty line goes out this often while a reader waits: Node's fetch gives up on an answer silent for 5 minutes. */
const idleLineMs = 60_000;

/** Transactional ids that commands have taken, by the number that each was told; the oldest go. */
type TakenIds = Map<number, TransactionalWriter>;
const takenIdsMax = 64;

type Operation = (broker: Broker, body: string, signal: AbortSignal, taken: TakenIds) => Promise<unknown>;

const operations: Readonly<Record<string, Operation>> = {
  append: (broker, body, signal) => broker.append(recordsFromJson(body), signal),
  transaction: async (broker, body, signal, taken) => {
    const writer = await broker.transaction(JSON.parse(body) as string, signal);
    const [oldest = 0, latest = oldest] = [taken.keys().next().value, [...taken.keys()].at(-1)];
    if (taken.size >= takenIdsMax) taken.delete(oldest);
    taken.set(latest + 1, writer);
    return latest + 1;
  },
  commit: (_, body, signal, taken) => {
    const [number, records] = JSON.parse(body) as [number, string];
    const writer = taken.get(number);
    if (writer === undefined)
      throw new OperationError(
        "MR_FENCED",
        "committing to a dev session: it does not know the transactional id (any more)",
      );
    return writer.commit(recordsFromJson(records), signal);
  },
  describe: (broker, body, signal) => broker.admin.describe(JSON.parse(body) as string[], signal),
  growTopic: (broker, body, signal) => {
    const [topic, partitions] = JSON.parse(body) as [string, number];
    return broker.admin.growTopic(topic, partitions, signal);
  },
  createTopics: (broker, body, signal) => broker.admin.createTopics(JSON.parse(body) as TopicToCreate[], signal),
  watermarks: (broker, body, signal) => broker.admin.watermarks(JSON.parse(body) as string, signal),
  extent: (broker, body, signal) => broker.admin.extent(JSON.parse(body) as TopicPartition, signal),
  committed: (broker, body, signal) => {
    const [group, topic] = JSON.parse(body) as [string, string];
    return broker.admin.committed(group, topic, signal);
  },
  members: (broker, body, signal) => broker.admin.members(JSON.parse(body) as string, signal),
};

/**
 * @param folder receives the session's address, readable by its owner only
 * @param lineMs how often a waiting reader is told that the session is still there; a minute by default
 * @throws OperationError MR_DEV_SESSION when another session runs in the folder
 */
export async function serveDevSession(
  broker: Broker,
  folder: string,
  logger: Logger,
  lineMs = idleLineMs,
): Promise<DevSessionServer> {
  const token = randomBytes(32).toString("hex");
  const stop = new AbortController();
  const taken: TakenIds = new Map();
  const server = createServer((request, response) => {
    answer(broker, token, { stopped: stop.signal, lineMs, taken }, request, response).catch((thrown: unknown) => {
      const code = thrown instanceof MillraceError ? thrown.code : "MR_IO";
      if (response.headersSent) response.destroy();
      else response.writeHead(400).end(JSON.stringify({ code, message: messageOf(thrown) }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    await claimSessionFile(folder, { port, token, pid: process.pid });
  } catch (thrown) {
    server.close();
    throw thrown;
  }
  say(logger, "devSessionListens", { port });
  return {
    port,
    close: async () => {
      removeSessionFile(folder, token);
      stop.abort();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  broker: Broker,
  token: string,
  { stopped, lineMs, taken }: { readonly stopped: AbortSignal; readonly lineMs: number; readonly taken: TakenIds },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isBearer(request.headers.authorization, token)) {
    response.writeHead(401).end(JSON.stringify({ code: "MR_DEV_SESSION", message: "the token is not this session's" }));
    return;
  }
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, stopped]);
  const name = (request.url ?? "/").slice(1);
  const body = await readBody(request);
  if (name === "read") {
    const idle = setInterval(() => response.write("\n"), lineMs);
    await streamBatches(broker, JSON.parse(body) as OffsetRange, signal, response).finally(() => clearInterval(idle));
    return;
  }
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (operation === undefined) {
    response.writeHead(404).end(JSON.stringify({ code: "MR_DEV_SESSION", message: "no such operation" }));
    return;
  }
  const result = await operation(broker, body, signal, taken);
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result ?? null));
}

async function streamBatches(
  broker: Broker,
  range: OffsetRange,
  signal: AbortSignal,
  response: ServerResponse,
): Promise<void> {
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  response.flushHeaders();
  try {
    for await (const batch of broker.read(range, signal)) {
      if (!response.write(`${batchToJson(batch)}\n`)) await once(response, "drain", { signal });
    }
    response.end();
  } catch (thrown) {
    if (signal.aborted) response.destroy();
    else
      response.end(
        `${JSON.stringify({ failed: messageOf(thrown), code: thrown instanceof MillraceError ? thrown.code : "MR_IO" })}\n`,
      );
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > bodyBytesMax) throw new RangeError("the request is larger than 64 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function isBearer(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
