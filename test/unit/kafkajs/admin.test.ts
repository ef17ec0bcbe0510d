import { expect, test } from "vitest";
import { KafkaAdmin } from "../../../src/adapters/kafkajs/admin.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { FakeClock } from "../../../src/testing/index.ts";

/** A cluster that is asked and never answers. */
const silent = { describe: () => new Promise(() => undefined) } as unknown as ClusterLink;
/** A cluster whose port is closed. */
const closed = {
  describe: () => Promise.reject(Object.assign(new Error("refused"), { name: "KafkaJSConnectionError" })),
} as unknown as ClusterLink;

// The reason of the signal came out as MR_BROKER, and not before the attempt was over.
test.each([
  ["hangs", silent],
  ["is refused", closed],
])("a question that %s ends with the reason of the signal, at once", async (_name, link) => {
  const admin = new KafkaAdmin(link, new FakeClock(1_700_000_000_000));
  const stop = new AbortController();
  const asked = [
    admin.watermarks("t", stop.signal),
    admin.describe(["t"], stop.signal),
    admin.committed("g", "t", stop.signal),
  ];
  const reason = new Error("stopped by SIGINT");
  setImmediate(() => stop.abort(reason));
  for (const each of asked) await expect(each).rejects.toBe(reason);
  await expect(admin.describe(["t"], stop.signal)).rejects.toBe(reason);
});
