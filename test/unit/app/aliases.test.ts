import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keepAliases } from "../../../src/app/dev-aliases.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { followAliases, readAliases, writeAlias } from "../../../src/runtime/control/aliases.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { eventually } from "../../support/deadline.ts";
import { standInOf, textRecord } from "../../support/records.ts";

const never = new AbortController().signal;
const champion = (version: number) => ({ model: "card-fraud", alias: "champion", version });
let broker: Broker;

async function openBroker(): Promise<Broker> {
  const opened = await openMemoryBroker(1024 * 1024, silentLogger);
  await opened.admin.createTopics([{ topic: "c", partitions: 1, replication: undefined, configs: {} }], never);
  return opened;
}

beforeEach(async () => {
  broker = await openBroker();
});
afterEach(() => broker.close());

test("an alias is what was written last, and other control records are passed over", async () => {
  expect(await readAliases(broker, "c", never)).toEqual({ aliases: [], offsetNext: 0 });
  await writeAlias(broker, "c", champion(1), 0, never);
  const challenger = { model: "card-fraud", alias: "challenger", version: 2 };
  await writeAlias(broker, "c", challenger, 0, never);
  const key = Buffer.from("alias/x/y");
  const odd = [
    textRecord("c", 0, "other/record"),
    { ...textRecord("c", 0, "{}"), key },
    { ...textRecord("c", 0, ""), key, value: null },
  ];
  await broker.append([...odd, { ...textRecord("c", 0, '{"model":"x"'), key }], never);
  await writeAlias(broker, "c", champion(3), 0, never);
  expect(await readAliases(broker, "c", never)).toEqual({ aliases: [champion(3), challenger], offsetNext: 7 });
});

test("a follower sees the aliases from the beginning and each change", async () => {
  await writeAlias(broker, "c", champion(1), 0, never);
  const stop = new AbortController();
  const seen: number[] = [];
  const following = (async () => {
    for await (const alias of followAliases(broker, "c", "earliest", stop.signal)) {
      seen.push(alias.version);
      if (alias.version === 1) await writeAlias(broker, "c", champion(2), 0, never);
      if (alias.version === 2) stop.abort();
    }
  })();
  await following.catch(() => undefined);
  expect(seen).toEqual([1, 2]);
});

test("a damaged batch ends the reading of aliases: one of them may be in it", async () => {
  await writeAlias(broker, "c", champion(1), 0, never);
  const read: Broker["read"] = async function* () {
    yield standInOf("c", 0, 0, 1);
  };
  const damaged = Object.create(broker, { admin: { value: broker.admin }, read: { value: read } }) as Broker;
  const fault = { code: "MR_BATCH_CORRUPT", message: expect.stringContaining("reading c-0: offsets 0-0 are lost") };
  await expect(readAliases(damaged, "c", never)).rejects.toMatchObject(fault);
  await expect(followAliases(damaged, "c", 0, never).next()).rejects.toMatchObject(fault);
});

test("a missing control topic is an error that names it", async () => {
  await expect(readAliases(broker, "none", never)).rejects.toMatchObject({ code: "MR_TOPIC_MISSING" });
});

test("a dev session finds the aliases of the one before, which its broker has forgotten", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-aliases-"));
  const file = join(folder, "deep", "aliases.json");
  const first = new AbortController();
  const keeping = await keepAliases(broker, "c", file, () => 0, first.signal);
  await writeAlias(broker, "c", champion(4), 0, never);
  await eventually(5_000, "the file", async () => {
    try {
      return readFileSync(file, "utf8");
    } catch {
      return undefined;
    }
  });
  first.abort();
  await keeping.done;

  const later = await openBroker();
  const second = new AbortController();
  const again = await keepAliases(later, "c", file, () => 0, second.signal);
  expect((await readAliases(later, "c", never)).aliases).toEqual([champion(4)]);
  second.abort();
  await again.done;
  await later.close();
  rmSync(folder, { recursive: true });
});
