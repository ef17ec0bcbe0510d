import { expect, test } from "vitest";
import { createKafkaBroker } from "../../../src/adapters/kafkajs/index.ts";
import { systemClock } from "../../../src/adapters/node/index.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { RecordingSink } from "../../support/recording-sink.ts";

test("a group that asks for exactly-once is refused before anything is asked of the cluster, and not served less", async () => {
  const broker = createKafkaBroker({
    brokers: ["127.0.0.1:1"],
    clientId: "test",
    codecs: noCodecs,
    logger: silentLogger,
    clock: systemClock,
  });
  const spec = { group: "g", topics: ["in"], start: { kind: "earliest" }, logger: silentLogger } as const;
  const joining = broker.join({ ...spec, delivery: "exactly-once" }, new RecordingSink({ deadlineMs: 1_000 }));
  await expect(joining).rejects.toMatchObject({ code: "MR_UNSUPPORTED", message: expect.stringContaining("group g") });
  await broker.close();
});
