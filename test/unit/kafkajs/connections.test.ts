import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { KafkajsParts, ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { Connections } from "../../../src/adapters/kafkajs/connections.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { deferred } from "../../support/deadline.ts";

/** Connections whose sockets do what the test says, and never come about by themselves. */
function scripted() {
  const openings: { readonly socket: EventEmitter; readonly connected: ReturnType<typeof deferred<unknown>> }[] = [];
  class FakeConnection {
    isOpen = false;
    socket: (EventEmitter & { destroy(): void }) | undefined;
    isConnected = () => this.isOpen;
    connect = () => {
      const connected = deferred<unknown>();
      this.socket = Object.assign(new EventEmitter(), { destroy: () => void this.socket?.emit("close") });
      openings.push({ socket: this.socket, connected });
      return connected.promise.then(() => {
        this.isOpen = true;
      });
    };
    rejectRequests = () => undefined;
    disconnect = async () => undefined;
    send = async () => "answered";
  }
  class FakePool {
    readonly pool = [new FakeConnection(), new FakeConnection()];
  }
  class FakeBroker {
    readonly versions = null;
    readonly connectionPool: FakePool;
    constructor(options: { connectionPool: FakePool }) {
      this.connectionPool = options.connectionPool;
    }
    /** As kafkajs: whatever else it asks for at first, it asks for only if no connection is open yet. */
    connect = async () => {
      const { pool } = this.connectionPool;
      if (!pool.some((connection) => connection.isConnected())) {
        await pool[0]?.connect();
        this.isReady = true;
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
