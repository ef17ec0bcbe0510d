import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { OperationError } from "../../kernel/index.ts";
import { clientFiles, clientVersion } from "./client-files.ts";
import type { KafkajsParts, RequestQueuePrototype } from "./client-types.ts";

/**
 * The parts of kafkajs that this adapter stands on, taken from inside the package.
 *
 * kafkajs keeps sockets, TLS, SASL, correlation, timeouts and the protocol's requests. Its producer, consumer and
 * cluster are left out: they swap sends, lose records when a leader moves, decode a record at a time and rejoin in
 * the middle of a chunk, and none of that can be mended from outside. Nothing of kafkajs is changed for others in the
 * process, except for a timer that its request queue re-arms every millisecond for ever.
 *
 * Throws MR_CLIENT_PATCH when the package on disk is another version or has been edited: code that leans on insides
 * must not guess.
 */
export function loadKafkajs(): KafkajsParts {
  loaded ??= load();
  return loaded;
}

let loaded: KafkajsParts | undefined;

function load(): KafkajsParts {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve("kafkajs/package.json"));
  const { version } = require("kafkajs/package.json") as { version: string };
  const problem = clientProblem(version, (file) => readFileSync(join(folder, file)));
  if (problem !== undefined) throw new OperationError("MR_CLIENT_PATCH", problem);
  const part = (file: string): unknown => require(join(folder, "src", file));
  const { requests } = part("protocol/requests/index.js") as Pick<KafkajsParts, "requests">;
  const { createLogger } = part("loggers/index.js") as Pick<KafkajsParts, "createLogger">;
  mendRequestQueue((part("network/requestQueue/index.js") as { prototype: RequestQueuePrototype }).prototype);
  return {
    Broker: part("broker/index.js") as KafkajsParts["Broker"],
    ConnectionPool: part("network/connectionPool.js") as KafkajsParts["ConnectionPool"],
    Encoder: part("protocol/encoder.js") as KafkajsParts["Encoder"],
    Decoder: part("protocol/decoder.js") as KafkajsParts["Decoder"],
    requests,
    createLogger,
    createSocketFactory: part("network/socketFactory.js") as KafkajsParts["createSocketFactory"],
    assignerProtocol: part("consumer/assignerProtocol.js") as KafkajsParts["assignerProtocol"],
  };
}

/** What is wrong with the client on disk; undefined when it is the one that this adapter was built against. */
export function clientProblem(version: string, read: (file: string) => Uint8Array): string | undefined {
  if (version !== clientVersion) return `loading kafkajs: version ${version} is installed, ${clientVersion} is needed`;
  for (const [file, sha256] of Object.entries(clientFiles)) {
    const found = createHash("sha256").update(read(file)).digest("hex");
    if (found !== sha256) return `loading kafkajs ${version}: ${file} is not the original file (sha256 ${found})`;
  }
  return undefined;
}

/**
 * Lets the request queue sleep while it is empty. The original arms a timer of 1 ms after the first answer and again
 * each time it fires (kafkajs #1556, #1704), 3 to 8 % of a core for a process that does nothing.
 */
function mendRequestQueue(queue: RequestQueuePrototype): void {
  queue.scheduleCheckPendingRequests = function (this: RequestQueuePrototype) {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId) return;
    const throttledMs = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledMs > 0 ? throttledMs : 10,
    );
  };
}
