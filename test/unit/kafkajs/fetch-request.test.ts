import { expect, test } from "vitest";
import { fetchRequest } from "../../../src/adapters/kafkajs/fetch-request.ts";

const topicId = Buffer.from("00112233445566778899aabbccddeeff", "hex").toString("base64url");
const target = { topic: "orders", topicId, partition: 2, leaderEpoch: 5, offset: 7, lastEpoch: 4, bytesMax: 1024 };

function asked(versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>) {
  const { request } = fetchRequest({ versions }, [target], { waitMsMax: 500, bytesMax: 4096 });
  return request;
}

test.each([
  [17, 13, "00112233445566778899aabbccddeeff"],
  [13, 13, "00112233445566778899aabbccddeeff"],
  // A compact string: its length plus one, then orders.
  [12, 12, "076f7264657273"],
])(
  "a broker that knows fetches up to version %i is asked by version %i, which names topics as it does",
  async (maxVersion, version, named) => {
    const request = asked({ 1: { minVersion: 4, maxVersion } });
    expect(request).toMatchObject({ apiKey: 1, apiVersion: version });
    const text = (await request.encode()).buffer.toString("hex");
    expect(text).toContain(named);
    expect(text.includes("076f7264657273")).toBe(version === 12);
  },
);
