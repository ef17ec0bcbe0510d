import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { clientProblem, loadKafkajs } from "../../../src/adapters/kafkajs/client.ts";
import { clientFiles, clientVersion } from "../../../src/adapters/kafkajs/client-files.ts";

const require = createRequire(import.meta.url);
const folder = dirname(require.resolve("kafkajs/package.json"));
const seen = new Set<string>();
const read = (file: string): Buffer => readFileSync(join(folder, file));

test("the installed kafkajs is the one that the adapter was built against", () => {
  const { version } = require("kafkajs/package.json") as { version: string };
  expect(clientProblem(version, read)).toBeUndefined();
});

test("another version is refused by name", () => {
  expect(clientProblem("2.3.0", read)).toBe(`loading kafkajs: version 2.3.0 is installed, ${clientVersion} is needed`);
});

test("an edited file is refused by name, whichever it is", () => {
  // Every tenth: the files are read anew each time.
  for (const edited of Object.keys(clientFiles).filter((_, i) => i % 10 === 0)) {
    const problem = clientProblem(clientVersion, (file) =>
      file === edited ? Buffer.concat([read(file), Buffer.from(" ")]) : read(file),
    );
    expect(problem).toContain(`${edited} is not the original file`);
  }
});

test("every file that the parts can load is checked", () => {
  const entries = readFileSync(join(import.meta.dirname, "../../../src/adapters/kafkajs/client.ts"), "utf8");
  const wanted = [...entries.matchAll(/part\("([^"]+)"\)/g)].map(([, file]) => join("src", file ?? ""));
  expect(wanted.length).toBeGreaterThan(5);
  for (let file = wanted.pop(); file !== undefined; file = wanted.pop()) {
    expect(Object.keys(clientFiles)).toContain(file);
    for (const [, other = ""] of read(file)
      .toString()
      .matchAll(/require\(\s*['"](\.[^'"]*)['"]\s*\)/g)) {
      const found = relative(folder, require.resolve(join(folder, dirname(file), other)));
      if (found !== "package.json" && !seen.has(found)) wanted.push(found);
      seen.add(found);
    }
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
