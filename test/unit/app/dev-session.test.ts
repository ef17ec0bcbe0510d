import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  connectDevSession,
  type DevSessionServer,
  refuseSecondSession,
  serveDevSession,
} from "../../../src/adapters/dev-session/index.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { type PlainRecord, plainRecords, textOf, textRecord, textRecords } from "../../support/records.ts";

const never = new AbortController().signal;
let folder = "";
let broker: Broker;
let server: DevSessionServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-session-"));
  broker = await openMemoryBroker(64 * 1024 * 1024, silentLogger);
  server = await serveDevSession(broker, folder, silentLogger);
});

afterEach(async () => {
  await server.close();
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
});

async function createTopic(topic: string, partitions = 1): Promise<void> {
  await connectDevSession(folder).admin.createTopics(
    [{ topic, partitions, replication: undefined, configs: { "retention.ms": "60000" } }],
    never,
  );
}

async function readAll(source: Broker, topic: string, to: number): Promise<PlainRecord[]> {
  const records: PlainRecord[] = [];
  const range = { topic, partition: 0, from: "earliest", to } as const;
  for await (const batch of source.read(range, never)) records.push(...plainRecords(batch));
  return records;
}

function post(path: string, headers: Record<string, string>, body = "[]"): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.port}/${path}`, { method: "POST", headers, body });
}

const session = (): { port: number; token: string } =>
  JSON.parse(readFileSync(join(folder, "session.json"), "utf8")) as { port: number; token: string };

describe("who has not the session's token", () => {
  test.each<[string, (token: string) => Record<string, string>]>([
    ["none", () => ({})],
    ["a wrong one", (token) => ({ authorization: `Bearer ${token.replace(/^./, (c) => (c === "0" ? "1" : "0"))}` })],
    ["a longer one", (token) => ({ authorization: `Bearer ${token}0` })],
    ["another scheme", (token) => ({ authorization: `Basic ${token}` })],
  ])("is answered 401 with %s, and nothing is done", async (_, headersOf) => {
    const body = JSON.stringify([{ topic: "t", partitions: 1, configs: {} }]);
    const response = await post("createTopics", headersOf(session().token), body);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: "MR_DEV_SESSION" });
    expect((await broker.admin.describe(["t"], never)).topics).toEqual([]);
  });

  test("cannot read the file that holds it", () => {
    expect(statSync(join(folder, "session.json")).mode & 0o777).toBe(0o600);
  });
});

test("nobody reaches a session but by the loopback address that it listens on", async () => {
  // A server of all addresses would answer here too.
  const elsewhere = fetch(`http://127.0.0.2:${server.port}/describe`, { signal: AbortSignal.timeout(1_000) });
  await expect(elsewhere).rejects.toThrow();
});

test("a body without end is cut, and the session goes on", async () => {
  const chunk = Buffer.alloc(1024 * 1024, 0x20);
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent += chunk.length;
      controller.enqueue(chunk);
    },
  });
  const headers = { authorization: `Bearer ${session().token}` };
  const url = `http://127.0.0.1:${server.port}/append`;
  const answer = await fetch(url, { method: "POST", headers, body, duplex: "half" }).catch(() => undefined);
  expect(answer?.ok ?? false).toBe(false);
  // What the server took, and what the sockets held.
  expect(sent).toBeLessThan(96 * 1024 * 1024);
  await createTopic("t");
});

describe("through HTTP", () => {
  test("topics are made and described as in the session itself", async () => {
    await createTopic("t", 3);
    const client = connectDevSession(folder);
    const seen = await client.admin.describe(["t", "none"], never);
    expect(seen).toEqual(await broker.admin.describe(["t", "none"], never));
    expect(seen.topics.map(({ topic, partitions }) => ({ topic, partitions }))).toEqual([
      { topic: "t", partitions: 3 },
    ]);
    expect(await client.admin.watermarks("t", never)).toEqual(await broker.admin.watermarks("t", never));
    expect(await client.admin.committed("g", "t", never)).toEqual(await broker.admin.committed("g", "t", never));
  });

  test("records arrive with key, headers, tombstones and bytes that are no text", async () => {
    await createTopic("t");
    const client = connectDevSession(folder);
    const odd = {
      topic: "t",
      partition: 0,
      timestampMs: 5_000,
      key: Buffer.from([0, 255]),
      value: null,
      headers: [
        { name: "h", value: Buffer.from([1, 2]) },
        { name: "none", value: null },
      ],
    };
    await client.append([textRecord("t", 0, "plain"), odd, { ...odd, key: null, value: Buffer.from([254]) }], never);
    const records = await readAll(client, "t", 3);
    expect(records).toEqual(await readAll(broker, "t", 3));
    expect(records[1]).toMatchObject({
      key: Buffer.from([0, 255]),
      value: null,
      headers: odd.headers,
      timestampMs: 5_000,
    });
  });

  test("more records than one request takes keep their order", async () => {
    await createTopic("t");
    const append = vi.spyOn(broker, "append");
    await connectDevSession(folder).append(textRecords("t", 0, 1_234), never);
    expect(append.mock.calls.map(([part]) => part.length)).toEqual([500, 500, 234]);
    expect((await readAll(broker, "t", 1_234)).map(textOf)).toEqual(Array.from({ length: 1_234 }, (_, i) => `r${i}`));
  });

  test("no request carries more than 8 MiB of records", async () => {
    await createTopic("t");
    const append = vi.spyOn(broker, "append");
    const records = Array.from({ length: 10 }, (_, i) => ({
      ...textRecord("t", 0, `r${i}`),
      key: Buffer.alloc(900_000, i),
    }));
    await connectDevSession(folder).append(records, never);
    expect(append.mock.calls.map(([part]) => part.length)).toEqual([9, 1]);
  });

  test("a reader that follows sees what is written later, and ends with its signal", async () => {
    await createTopic("t");
    const stop = new AbortController();
    const seen: (string | undefined)[] = [];
    const reading = (async () => {
      for await (const batch of connectDevSession(folder).read(
        { topic: "t", partition: 0, from: "earliest" },
        stop.signal,
      )) {
        seen.push(...plainRecords(batch).map(textOf));
        if (seen.length === 1) await broker.append([textRecord("t", 0, "second")], never);
        if (seen.length === 2) stop.abort();
      }
    })();
    await broker.append([textRecord("t", 0, "first")], never);
    await expect(reading).rejects.toMatchObject({ name: "AbortError" });
    expect(seen).toEqual(["first", "second"]);
  });

  test("an error keeps its code and its sentence", async () => {
    const client = connectDevSession(folder);
    const append = broker.append([textRecord("none", 0, "x")], never);
    const reason = await append.then(String, (thrown: Error) => thrown.message);
    await expect(client.append([textRecord("none", 0, "x")], never)).rejects.toMatchObject({
      code: "MR_TOPIC_MISSING",
      message: reason,
    });
    await expect(readAll(client, "none", 1)).rejects.toMatchObject({ code: "MR_TOPIC_MISSING" });
  });

  test("an operation that is not offered is refused", async () => {
    const headers = { authorization: `Bearer ${session().token}` };
    expect((await post("deleteTopics", headers)).status).toBe(404);
    expect((await post("constructor", headers)).status).toBe(404);
    expect((await post("append", headers, "not json")).status).toBe(400);
    const client = connectDevSession(folder);
    await expect(client.admin.deleteTopics(["t"], never)).rejects.toMatchObject({ code: "MR_DEV_SESSION" });
  });
});

// Node's own words, "terminated", came out as a bug of ours.
test("a session that ends under a reader or a call that it keeps waiting is told as that", async () => {
  await createTopic("t");
  const client = connectDevSession(folder);
  const reading = (async () => {
    for await (const _ of client.read({ topic: "t", partition: 0, from: "earliest" }, never)) await server.close();
  })();
  await broker.append([textRecord("t", 0, "first")], never);
  await expect(reading).rejects.toMatchObject({ code: "MR_DEV_SESSION", message: "the dev session has ended" });
  server = await serveDevSession(broker, folder, silentLogger);
});

test("a reader that follows is told the end of the session also where its answer ends in order", async () => {
  await server.close();
  const ending = Object.create(broker, {
    admin: { value: broker.admin },
    read: { value: async function* () {} },
  }) as Broker;
  server = await serveDevSession(ending, folder, silentLogger);
  const client = connectDevSession(folder);
  const range = { topic: "t", partition: 0, from: "earliest" } as const;
  const drained = async (given: Parameters<Broker["read"]>[0]): Promise<number> => {
    let batches = 0;
    for await (const _ of client.read(given, never)) batches++;
    return batches;
  };
  await expect(drained(range)).rejects.toMatchObject({ message: "the dev session has ended" });
  expect(await drained({ ...range, to: 0 })).toBe(0);
});

test("a transactional id is taken through a session as by the broker itself: the holder before is fenced", async () => {
  await createTopic("t");
  const before = await connectDevSession(folder).transaction("aliases.0", never);
  const after = await connectDevSession(folder).transaction("aliases.0", never);
  await expect(before.commit(textRecords("t", 0, 1, "zombie"), never)).rejects.toMatchObject({ code: "MR_FENCED" });
  await after.commit(textRecords("t", 0, 1, "holder"), never);
  const inProcess = await broker.transaction("aliases.0", never);
  await expect(after.commit(textRecords("t", 0, 1, "late"), never)).rejects.toMatchObject({ code: "MR_FENCED" });
  await inProcess.commit(textRecords("t", 0, 1, "owner"), never);
  expect((await readAll(broker, "t", 4)).map((record) => textOf(record))).toEqual(["holder0", "owner0"]);
});

test("a session forgets the oldest of more than 64 ids that were taken through it", async () => {
  await createTopic("t");
  const client = connectDevSession(folder);
  const first = await client.transaction("id.0", never);
  for (let i = 1; i <= 64; i++) await client.transaction(`id.${i}`, never);
  await expect(first.commit(textRecords("t", 0, 1), never)).rejects.toMatchObject({ code: "MR_FENCED" });
});

test("a session that ends leaves the address of a later one in place", async () => {
  const later = { port: 1, token: "of a later session", pid: process.pid };
  writeFileSync(join(folder, "session.json"), JSON.stringify(later));
  await server.close();
  expect(session()).toEqual(later);
  rmSync(join(folder, "session.json"));
  server = await serveDevSession(broker, folder, silentLogger);
});

// Node's fetch takes 5 minutes without a byte for the end of an answer, which came out as the end of the session.
test("a reader that has long waited hears that the session is there, and reads on", async () => {
  await server.close();
  server = await serveDevSession(broker, folder, silentLogger, 10);
  await createTopic("t");
  const range = { topic: "t", partition: 0, from: "earliest" };
  const waiting = await post("read", { authorization: `Bearer ${session().token}` }, JSON.stringify(range));
  const bytes = waiting.body?.getReader();
  expect(new TextDecoder().decode((await bytes?.read())?.value)).toMatch(/^\n+$/);
  await bytes?.cancel();
  const stop = new AbortController();
  const seen: string[] = [];
  const reading = async (): Promise<void> => {
    for await (const batch of connectDevSession(folder).read({ ...range, from: "earliest" }, stop.signal)) {
      seen.push(...plainRecords(batch).map((record) => String(textOf(record))));
      stop.abort();
    }
  };
  const ended = expect(reading()).rejects.toMatchObject({ name: "AbortError" });
  await delay(50);
  await broker.append([textRecord("t", 0, "late")], never);
  await ended;
  expect(seen).toEqual(["late"]);
});

test("an answer that is cut in the middle is told as the end of the session", async () => {
  await server.close();
  const cut = createServer((_, response) => {
    response.writeHead(200, { "content-length": "100" }).write("[");
    setImmediate(() => response.destroy());
  });
  cut.listen(0, "127.0.0.1");
  await once(cut, "listening");
  const { port } = cut.address() as AddressInfo;
  writeFileSync(join(folder, "session.json"), JSON.stringify({ port, token: "x", pid: process.pid }));
  const asking = connectDevSession(folder).admin.watermarks("t", never);
  await expect(asking).rejects.toMatchObject({ code: "MR_DEV_SESSION", message: "the dev session has ended" });
  cut.close();
  server = await serveDevSession(broker, folder, silentLogger);
});

describe("a second session in a folder", () => {
  // The second took the place of the first, which nobody could reach any more when the second had ended.
  test("is refused with the first one's address and how to end it, and the first is reached as before", async () => {
    const second = serveDevSession(broker, folder, silentLogger);
    await expect(second).rejects.toMatchObject({
      code: "MR_DEV_SESSION",
      message: expect.stringContaining(
        `process ${process.pid} at 127.0.0.1:${server.port}; end it with Ctrl-C in its terminal or \`kill ${process.pid}\``,
      ),
    });
    await expect(refuseSecondSession(folder)).rejects.toMatchObject({ code: "MR_DEV_SESSION" });
    await createTopic("t");
    expect(readdirSync(folder)).toEqual(["session.json"]);
  });

  test("takes the place of one that crashed, whoever has its port now", async () => {
    const address = session();
    await server.close();
    const other = createServer((_, response) => response.writeHead(404).end());
    other.listen(address.port, "127.0.0.1");
    await once(other, "listening");
    for (const left of [JSON.stringify({ ...address, pid: process.pid }), "", "null", '{"port":1}']) {
      writeFileSync(join(folder, "session.json"), left);
      await refuseSecondSession(folder);
      server = await serveDevSession(broker, folder, silentLogger);
      expect(session()).toMatchObject({ port: server.port });
      await server.close();
    }
    other.close();
    server = await serveDevSession(broker, folder, silentLogger);
  });

  test("of several that start at once exactly one runs", async () => {
    const left = readFileSync(join(folder, "session.json"));
    await server.close();
    writeFileSync(join(folder, "session.json"), left);
    const starts = await Promise.allSettled([1, 2, 3, 4].map(() => serveDevSession(broker, folder, silentLogger)));
    const running = starts.filter((start) => start.status === "fulfilled");
    expect(running).toHaveLength(1);
    server = running[0]!.value;
    expect(session().port).toBe(server.port);
  });
});

test("a session that has ended leaves no address, and one that died is reported", async () => {
  const client = connectDevSession(folder);
  await server.close();
  await expect(client.admin.watermarks("t", never)).rejects.toThrow("is `millrace dev` still running?");
  expect(() => connectDevSession(folder)).toThrow("no dev session runs here; start one with `millrace dev FILE`");
  server = await serveDevSession(broker, folder, silentLogger);
});
