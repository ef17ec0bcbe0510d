import { createRequire } from "node:module";
import { expect, test } from "vitest";
import type { Connection, ProtocolRequest, QueuedRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { sendOn } from "../../../src/adapters/kafkajs/direct-send.ts";
import { produceRequest } from "../../../src/adapters/kafkajs/produce-request.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";

const require = createRequire(import.meta.url);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");
const hexOf = (text: string): string => Buffer.from(text).toString("hex");

/** How kafkajs itself frames a request. */
const frame = require("kafkajs/src/protocol/request.js") as (options: {
  correlationId: number;
  clientId: string;
  request: ProtocolRequest["request"];
}) => Promise<{ buffer: Buffer }>;

class FakeConnection {
  readonly clientId = "müller";
  readonly written: Buffer[] = [];
  readonly calls: string[] = [];
  readonly queued: QueuedRequest[] = [];
  isOpen = true;
  readonly socket = {
    destroy: () => undefined,
    cork: () => this.calls.push("cork"),
    uncork: () => this.calls.push("uncork"),
    write: (bytes: Buffer) => this.written.push(bytes) > 0,
  };
  readonly requestQueue = {
    maybeThrottle: (ms: number) => void this.calls.push(`throttle ${ms}`),
    push: (request: QueuedRequest) => {
      this.queued.push(request);
      request.sendRequest();
    },
  };
  isAuthenticated = () => false;
  authenticate = async () => void this.calls.push("authenticate");
  nextCorrelationId = () => 77;
  send = async () => "kafkajs's own";
  failIfNotConnected = () => {
    if (!this.isOpen) throw new Error("Not connected");
  };

  get asConnection(): Connection {
    return this as unknown as Connection;
  }
}

const outgoing = outgoingOf(textRecords("payments.clean", 3, 800));

test("a batch leaves as the bytes that kafkajs would have sent, and is not copied", async () => {
  const connection = new FakeConnection();
  const request = produceRequest([outgoing], 8_000);
  const sent = sendOn(connection.asConnection, request);
  await new Promise(setImmediate);
  expect(connection.calls).toEqual(["authenticate", "cork", "uncork"]);
  expect(connection.written[1]).toBe(outgoing.bytes);

  const copied: ProtocolRequest["request"] = {
    ...request.request,
    encode: async () => {
      const whole = Buffer.concat([(await request.request.encode()).buffer, ...(request.request.body ?? [])]);
      return { buf: whole, buffer: whole };
    },
  };
  const expected = await frame({ correlationId: 77, clientId: connection.clientId, request: copied });
  expect(Buffer.concat(connection.written).equals(expected.buffer)).toBe(true);

  const payload = hex(`00 02 0f${hexOf("payments.clean")} 02 00000003 0000
    0000000000000005 ffffffffffffffff 0000000000000000 01 00 00 00 000002bc 00`);
  connection.queued[0]?.entry.resolve({ payload });
  expect(await sent).toMatchObject([{ topic: "payments.clean", partition: 3, errorCode: 0 }]);
  // A broker that is over its quota reads nothing for so long, and a request that is sent meanwhile only times out.
  expect(connection.calls.at(-1)).toBe("throttle 700");
});

test("what ends the connection rejects the request", async () => {
  const connection = new FakeConnection();
  const sent = sendOn(connection.asConnection, produceRequest([outgoing], 8_000));
  await new Promise(setImmediate);
  connection.queued[0]?.entry.reject(new Error("Closed connection"));
  await expect(sent).rejects.toThrow("Closed connection");
});

test("nothing is queued on a connection that is closed", async () => {
  const connection = new FakeConnection();
  connection.isOpen = false;
  await expect(sendOn(connection.asConnection, produceRequest([outgoing], 8_000))).rejects.toThrow("Not connected");
  expect(connection.queued).toEqual([]);
});

test("a request without a body is left to kafkajs", async () => {
  const { request, response } = produceRequest([outgoing], 8_000);
  const { body: _body, ...plain } = request;
  expect(await sendOn(new FakeConnection().asConnection, { request: plain, response })).toBe("kafkajs's own");
});
