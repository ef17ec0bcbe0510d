import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { clientProblem, loadKafkajs } from "../../../src/adapters/kafkajs/client.ts";
import { clientFiles, clientVersion } from "../../../src/adapters/kafkajs/client-files.ts";

const require = createRequire(import.meta.url);
const folder = dirname(require.resolve("kafkajs/package.json"));
const read = (file: string): Buffer => readFileSync(join(folder, file));

test("the installed kafkajs is the one that the adapter was built against", () => {
  const { version } = require("kafkajs/package.json") as { version: string };
  expect(clientProblem(version, read)).toBeUndefined();
});

test("another version is refused by name", () => {
  expect(clientProblem("2.3.0", read)).toBe(`loading kafkajs: version 2.3.0 is installed, ${clientVersion} is needed`);
});

test("an edited file is refused by name, whichever it is", () => {
  for (const edited of Object.keys(clientFiles)) {
    const problem = clientProblem(clientVersion, (file) =>
      file === edited ? Buffer.concat([read(file), Buffer.from(" ")]) : read(file),
    );
    expect(problem).toContain(`${edited} is not the original file`);
  }
});

test("a request queue without pending requests arms no timer", () => {
  loadKafkajs();
  const RequestQueue = require("kafkajs/src/network/requestQueue/index.js") as new (
    options: object,
  ) => {
    pending: unknown[];
    throttledUntil: number;
    throttleCheckTimeoutId: NodeJS.Timeout | null;
    checkPendingRequests(): void;
    destroy(): void;
  };
  const queue = new RequestQueue({
    requestTimeout: 1_000,
    clientId: "c",
    broker: "b",
    logger: { debug: () => undefined },
  });
  queue.checkPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBeNull();
  // Throttled by the broker, with something to send: the queue looks again when the time is over.
  queue.throttledUntil = Date.now() + 60_000;
  queue.pending.push({});
  queue.checkPendingRequests();
  expect(queue.throttleCheckTimeoutId).not.toBeNull();
  queue.destroy();
});
