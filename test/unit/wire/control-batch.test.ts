import { expect, test } from "vitest";
import { commitMarker } from "../../../src/wire/index.ts";
import { bitwiseCrc, decode, marker } from "./plain-batch.ts";

test("a commit's marker is a batch of one record that readers do not see and that takes an offset", () => {
  const { bytes, recordCount } = commitMarker({ topic: "orders", partition: 3 }, 1_700_000_000_000);
  expect(recordCount).toBe(1);
  expect(decode(bytes)).toMatchObject({ count: 0, offsetNext: 1 });
  // Attributes: bit 4 transactional, bit 5 control (Kafka protocol guide, "Record Batch").
  expect(bytes.readInt16BE(21)).toBe(0b11_0000);
  expect(bytes.readUInt32BE(17)).toBe(bitwiseCrc(bytes.subarray(21)));
});

test("its key says that the transaction was committed, as a broker's does", () => {
  const { bytes } = commitMarker({ topic: "orders", partition: 3 }, 1_700_000_000_000);
  const foreign = marker(0, 1, "commit");
  const key = Buffer.from([0, 0, 0, 1]);
  expect([bytes.includes(key), foreign.includes(key)]).toEqual([true, true]);
});
