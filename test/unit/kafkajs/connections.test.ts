import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { expect, test, vi } from "vitest";
import type { ConnectionQueue, KafkajsParts, ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { Connections } from "../../../src/adapters/kafkajs/connections.ts";
import { operationError } from "../../../src/adapters/kafkajs/errors.ts";
import { type LogFields, type Logger, silentLogger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { deferred } from "../../support/deadline.ts";

/** Connections whose sockets do what the test says, and never come about by themselves. */
function scripted(versions: Record<number, { minVersion: number; maxVersion: number }> | null = null) {
  const { Lock } = kafkajsParts();
  const openings: {
    readonly socket: EventEmitter & { isDestroyed: boolean };
    readonly connected: ReturnType<typeof deferred<unknown>>;
  }[] = [];
  class FakeConnection {
    isOpen = false;
    socket: (EventEmitter & { destroy(): void }) | undefined;
    isConnected = () => this.isOpen;
    connect = () => {
      const connected = deferred<unknown>();
      const socket = Object.assign(new EventEmitter(), {
        isDestroyed: false,
        destroy: () => {
          socket.isDestroyed = true;
          socket.emit("close");
        },
      });
      this.socket = socket;
      openings.push({ socket, connected });
      return connected.promise.then(() => {
        this.isOpen = true;
      });
    };
    rejectRequests = () => undefined;
    requestQueue = { maybeThrottle: () => undefined };
    disconnect = async () => undefined;
    send = async () => "answered";
  }
  class FakePool {
    readonly pool = [new FakeConnection(), new FakeConnection()];
  }
  class FakeBroker {
    readonly versions = versions;
    readonly connectionPool: FakePool;
    constructor(options: { connectionPool: FakePool }) {
      this.connectionPool = options.connectionPool;
    }
    readonly lock = new Lock({ timeout: 30_000 });
    /** As kafkajs: one caller at a time, and whatever else it asks for at first only if no connection is open yet. */
    connect = async () => {
      await this.lock.acquire();
      try {
        const { pool } = this.connectionPool;
        if (!pool.some((connection) => connection.isConnected())) {
          await pool[0]?.connect();
          this.isReady = true;
        }
      } finally {
        await this.lock.release();
      }
    };
    isReady = false;
  }
  const parts = {
    Broker: FakeBroker,
    ConnectionPool: FakePool,
    createLogger: () => ({}),
    createSocketFactory: () => ({}),
  } as unknown as KafkajsParts;
  const options = {
    brokers: ["b:1"],
    clientId: "c",
    logger: silentLogger,
    clock: new FakeClock(0),
    requestTimeoutMs: 1_000,
  };
  const connections = new Connections(parts, options);
  const request = { request: { apiKey: 3, apiName: "Metadata", apiVersion: 11 } } as unknown as ProtocolRequest;
  const ask = (lane: "control" | "fetch" = "control") =>
    connections.send("b:1", lane, (broker) => {
      expect((broker as unknown as FakeBroker).isReady).toBe(true);
      return request;
    });
  return { connections, openings, ask };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a connection that is cut while it is being made is noticed at once", async () => {
  const { openings, ask } = scripted();
  const asked = ask();
  asked.catch(() => undefined);
  await turn();
  openings[0]?.socket.emit("close");
  await expect(asked).rejects.toThrow("without an answer");
  // The next one begins anew.
  const again = ask();
  await turn();
  openings[1]?.connected.resolve(true);
  expect(await again).toBe("answered");
});

test("giving a broker up ends the connection of the other lane that is being made", async () => {
  const { connections, openings, ask } = scripted();
  const control = ask();
  await turn();
  openings[0]?.connected.resolve(true);
  expect(await control).toBe("answered");
  const fetch = ask("fetch");
  fetch.catch(() => undefined);
  await turn();
  expect(openings).toHaveLength(2);
  await connections.close();
  await expect(fetch).rejects.toThrow("Closed connection");
});

test("what the client knows about a connection that did not come about is told rather than that it ended", async () => {
  const { openings, ask } = scripted();
  const asked = ask();
  asked.catch(() => undefined);
  await turn();
  // As kafkajs does: the error of the socket, told after its own clean-up, and the end in the same turn.
  openings[0]?.socket.emit("close");
  openings[0]?.connected.reject(new Error("connect ECONNREFUSED"));
  await expect(asked).rejects.toThrow("ECONNREFUSED");
});

const turns = async (count = 5): Promise<void> => {
  for (let i = 0; i < count; i++) await turn();
};
const givenUp = expect.objectContaining({ message: "the connection to b:1 was given up" });

// They connected what nobody knew of any more: sockets that no close ended.
test("who waits while a connection is made opens none once it was given up, and the next one begins anew", async () => {
  const { openings, ask } = scripted();
  const asked = Array.from({ length: 4 }, () => ask().catch((error: unknown) => error));
  await turns();
  expect(openings).toHaveLength(1);
  openings[0]?.connected.reject(Object.assign(new Error("no route"), { name: "KafkaJSConnectionError" }));
  await turns();
  // The second was let in before the first could say that it failed.
  expect(openings.slice(1).map(({ socket }) => socket.isDestroyed)).toEqual([true]);
  const [first, , ...others] = await Promise.all(asked);
  expect(first).toMatchObject({ message: "no route" });
  expect(others).toEqual([givenUp, givenUp]);
  const again = ask();
  await turns();
  openings[2]?.connected.resolve(true);
  expect(await again).toBe("answered");
  expect(openings).toHaveLength(3);
});

test("closing while a connection is made leaves nothing open, and nothing is asked afterwards", async () => {
  const { connections, openings, ask } = scripted();
  const asked = Array.from({ length: 3 }, () => ask().catch((error: unknown) => error));
  await turns();
  await connections.close();
  await turns();
  expect(openings.map(({ socket }) => socket.isDestroyed)).toEqual([true]);
  expect((await Promise.all(asked)).slice(1)).toEqual([givenUp, givenUp]);
});

test.each(["control", "fetch"] as const)(
  "a %s connection that comes about in the turn in which it is given up is not used",
  async (lane) => {
    const { connections, openings, ask } = scripted();
    if (lane === "fetch") {
      const control = ask();
      await turn();
      openings[0]?.connected.resolve(true);
      await control;
    }
    const asked = ask(lane).catch((error: unknown) => error);
    await turns();
    openings.at(-1)?.connected.resolve(true);
    void connections.close();
    expect(await asked).toEqual(givenUp);
    expect(openings.every(({ socket }) => socket.isDestroyed)).toBe(true);
  },
);

/** Connections over kafkajs's own queue of requests, whose sockets take everything and answer nothing. */
function queued() {
  const { RequestQueue, createLogger } = kafkajsParts();
  const clock = new FakeClock(0);
  const warned: LogFields[] = [];
  const queues: KafkajsQueue[] = [];
  class QueuedConnection {
    readonly clientId = "c";
    requestQueue = new RequestQueue({
      maxInFlightRequests: null,
      requestTimeout: 1_000,
      enforceRequestTimeout: true,
      clientId: "c",
      broker: "b:1",
      logger: createLogger({ level: 0, logCreator: () => () => undefined }).namespace("test"),
      isConnected: () => true,
    });
    isConnected = () => true;
    connect = async () => true;
    rejectRequests = () => undefined;
    disconnect = async () => undefined;
    send = async () => "answered";
    constructor() {
      queues.push(this.requestQueue);
    }
  }
  class Pool {
    readonly pool = [new QueuedConnection(), new QueuedConnection()];
  }
  class Broker {
    readonly versions = null;
    readonly connectionPool: Pool;
    constructor(options: { connectionPool: Pool }) {
      this.connectionPool = options.connectionPool;
    }
    connect = async () => undefined;
  }
  const parts = {
    Broker,
    ConnectionPool: Pool,
    createLogger: () => ({}),
    createSocketFactory: () => ({}),
  } as unknown as KafkajsParts;
  const logger: Logger = { ...silentLogger, warn: (fields) => void warned.push(fields) };
  const options = { brokers: ["b:1"], clientId: "c", logger, clock, requestTimeoutMs: 1_000 };
  const connections = new Connections(parts, options);
  const request = { request: { apiKey: 3, apiName: "Metadata", apiVersion: 11 } } as unknown as ProtocolRequest;
  return { connections, queues, warned, clock, ask: () => connections.send("b:1", "control", () => request) };
}

interface KafkajsQueue extends ConnectionQueue {
  scheduleRequestTimeoutCheck(): void;
  destroy(): void;
}

function kafkajsParts() {
  const require = createRequire(import.meta.url);
  return {
    RequestQueue: require("kafkajs/src/network/requestQueue/index.js") as new (options: object) => KafkajsQueue,
    createLogger: require("kafkajs/src/loggers/index.js").createLogger as (options: object) => {
      namespace(name: string): object;
    },
    Lock: require("kafkajs/src/utils/lock.js") as new (options: {
      timeout: number;
    }) => {
      acquire(): Promise<void>;
      release(): Promise<void>;
    },
  };
}

// It was sent again while the broker was going to take it: a copy.
test("what was written before a throttle has its time from the end of the throttle, and what waits from its write", async () => {
  vi.useFakeTimers();
  try {
    const { queues, ask } = queued();
    await ask();
    const queue = queues[0]!;
    queue.scheduleRequestTimeoutCheck();
    const seen: string[] = [];
    const push = (correlationId: number) =>
      queue.push({
        entry: {
          ...{ apiKey: 0, apiName: "Produce", apiVersion: 9, correlationId },
          resolve: () => seen.push(`answer ${correlationId}`),
          reject: () => seen.push(`time out ${correlationId}`),
        },
        expectResponse: true,
        requestTimeout: null,
        sendRequest: () => seen.push(`write ${correlationId}`),
      });
    push(1);
    push(2);
    // Several are on their way at once, and while nothing is held back none waits for the answer to another.
    expect(seen).toEqual(["write 1", "write 2"]);
    await vi.advanceTimersByTimeAsync(500);
    queue.maybeThrottle(5_000);
    push(3);
    await vi.advanceTimersByTimeAsync(5_900);
    expect(seen).toEqual(["write 1", "write 2", "write 3"]);
    await vi.advanceTimersByTimeAsync(400);
    expect(seen.slice(3)).toEqual(["time out 1", "time out 2", "time out 3"]);
    queue.destroy();
  } finally {
    vi.useRealTimers();
  }
});

test("a client that is held back for a second or longer is told so, at most once a minute per broker", async () => {
  const { connections, queues, warned, clock, ask } = queued();
  await ask();
  const queue = queues[0]!;
  expect(connections.heldBackUntilMs("b:1")).toBe(Number.NEGATIVE_INFINITY);
  // An answer without a throttle time, such as that of a refused sign-in, holds nobody back.
  for (const none of [undefined, null, 0]) queue.maybeThrottle(none);
  expect(connections.heldBackUntilMs("b:1")).toBe(Number.NEGATIVE_INFINITY);
  queue.maybeThrottle(999);
  expect(warned).toEqual([]);
  queue.maybeThrottle(1_000);
  clock.advance(59_999);
  queue.maybeThrottle(30_000);
  expect(warned).toEqual([{ code: "MR_QUOTA", broker: "b:1", clientId: "c", forMs: 1_000 }]);
  clock.advance(1);
  queue.maybeThrottle(10);
  queue.maybeThrottle(30_000);
  queue.maybeThrottle(20_000);
  expect(warned).toHaveLength(2);
  expect(connections.heldBackUntilMs("b:1")).toBe(90_000);
  for (const one of queues) one.destroy();
});

/** Asks for Metadata in version 11 of a broker that has these versions of it. */
async function askedOf(versions: Record<number, { minVersion: number; maxVersion: number }>): Promise<unknown> {
  const { openings, ask } = scripted(versions);
  const asked = ask().catch((error: unknown) => error);
  await turn();
  openings[0]?.connected.resolve(true);
  return asked;
}

test("a broker is asked in a version that it has, at either end of its range", async () => {
  expect(await askedOf({ 3: { minVersion: 0, maxVersion: 11 } })).toBe("answered");
  expect(await askedOf({ 3: { minVersion: 11, maxVersion: 13 } })).toBe("answered");
});

test("a broker that is too old, or too new, is not asked: the error names the request and the versions", async () => {
  const old = await askedOf({ 3: { minVersion: 0, maxVersion: 10 } });
  const needed = "request Metadata is needed in version 11, and the broker at b:1";
  expect(old).toMatchObject({ message: `${needed} has 0 to 10; Kafka 2.8 and later will do` });
  expect(operationError("describing topics", old)).toMatchObject({ code: "MR_BROKER", disposition: "halt" });
  expect(await askedOf({ 3: { minVersion: 12, maxVersion: 13 } })).toMatchObject({
    message: `${needed} has 12 to 13; Kafka 2.8 and later will do`,
  });
  expect(await askedOf({})).toMatchObject({ message: `${needed} does not have it; Kafka 2.8 and later will do` });
});
