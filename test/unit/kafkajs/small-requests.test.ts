import { expect, test } from "vitest";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { describeGroupRequest } from "../../../src/adapters/kafkajs/describe-group-request.ts";
import { leaveGroupRequest } from "../../../src/adapters/kafkajs/leave-group-request.ts";
import { metadataRequest } from "../../../src/adapters/kafkajs/metadata.ts";

// Bytes worked by hand from the Kafka protocol guide; the first byte of each ends the header's tags.
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

async function written({ request }: ProtocolRequest) {
  const { apiKey, apiVersion } = request;
  return { apiKey, apiVersion, body: (await request.encode()).buffer.toString("hex") };
}

async function read({ response }: ProtocolRequest, answer: string): Promise<unknown> {
  return response.parse(await response.decode(hex(answer)));
}

const topicId = "00112233445566778899aabbccddeeff";

test("metadata (version 11) is asked for by name, creates no topic, and an empty list asks for no topic", async () => {
  const body = `00 02 ${"00".repeat(16)} 03 696e 00 00 00 00`.replaceAll(" ", "");
  expect(await written(metadataRequest(["in"]))).toEqual({ apiKey: 3, apiVersion: 11, body });
  expect((await written(metadataRequest([]))).body).toBe("0001000000");
});

test("an answer of metadata is read with its brokers, and with topics that have an error or no leader", async () => {
  const answer = `00 00000000
    02 00000001 02 62 00002384 02 72 00
    02 63 00000001
    03 0003 03 6e6f ${"00".repeat(16)} 00 01 80000000 00
       0000 03 696e ${topicId} 00
         03 0005 00000002 ffffffff 00000007 03 00000001 00000002 02 00000001 02 00000002 00
            0000 00000003 00000001 00000008 02 00000001 02 00000001 01 00
         80000000 00
    00`;
  expect(await read(metadataRequest([]), answer)).toEqual({
    brokers: [{ node: 1, address: "b:9092" }],
    clusterId: "c",
    controller: 1,
    topics: [
      { topic: "no", id: "AAAAAAAAAAAAAAAAAAAAAA", errorCode: 3, partitions: [] },
      {
        topic: "in",
        id: "ABEiM0RVZneImaq7zN3u_w",
        errorCode: 0,
        partitions: [
          { partition: 2, leader: -1, leaderEpoch: 7, replicas: 2 },
          { partition: 3, leader: 1, leaderEpoch: 8, replicas: 1 },
        ],
      },
    ],
  });
});

test("a member leaves (version 4) by its id, and by its instance id where it has one", async () => {
  const apiKey = 13;
  expect(await written(leaveGroupRequest("g1", "m1", "i"))).toEqual({
    apiKey,
    apiVersion: 4,
    body: "0003673102036d310269" + "0000",
  });
  expect((await written(leaveGroupRequest("g1", "m1", undefined))).body).toBe("0003673102036d3100" + "0000");
  expect(await read(leaveGroupRequest("g1", "m1", undefined), "00 00000000 0019 01 00")).toBe(25);
});

test("a group is described (version 5) by its members and their instance ids", async () => {
  const request = describeGroupRequest("g1");
  expect(await written(request)).toEqual({ apiKey: 15, apiVersion: 5, body: "0002036731" + "0000" });
  const answer = `00 00000000
    02 000e 03 6731 02 53 02 63 02 70
       03 03 6d31 02 69 02 63 02 68 03 0102 01 00
          03 6d32 00 02 63 02 68 01 03 0304 00
       80000000 00
    00`;
  expect(await read(request, answer)).toEqual({
    errorCode: 14,
    members: [
      { memberId: "m1", instanceId: "i" },
      { memberId: "m2", instanceId: null },
    ],
  });
  expect(await read(request, "00 00000000 01 00")).toBeUndefined();
});
