import { once } from "node:events";
import { connect } from "node:net";
import { within } from "../support/deadline.ts";

const electLeaders = { key: 43, version: 1 } as const;
const answerMsMax = 30_000;
/** Everything that is to be elected was. The others are of a whole request as well (Kafka protocol guide, "Error Codes"). */
const none = 0;
/** Some of the partitions have the leader already. */
const electionNotNeeded = 84;

/**
 * Lets the first replica of every partition lead that is in sync (ElectLeaders, version 1, all partitions). kafkajs does
 * not have the request, and Kafka's own tool takes seconds to start.
 */
export async function electPreferredLeaders(bootstrap: string): Promise<void> {
  const [host = "", port] = (bootstrap.split(",")[0] ?? "").split(":");
  const socket = connect({ host, port: Number(port) });
  try {
    socket.write(request());
    const answer = await within(answerMsMax, "leaders to be elected", wholeAnswer(socket));
    // Behind length, correlation id and throttle time.
    const code = answer.readInt16BE(12);
    if (code !== none && code !== electionNotNeeded) throw new Error(`electing leaders: Kafka answered with ${code}`);
  } finally {
    socket.destroy();
  }
}

function request(): Buffer {
  const bytes = Buffer.alloc(4 + 2 + 2 + 4 + 2 + 1 + 4 + 4);
  let at = bytes.writeInt32BE(bytes.length - 4, 0);
  at = bytes.writeInt16BE(electLeaders.key, at);
  at = bytes.writeInt16BE(electLeaders.version, at);
  // Correlation id, and no client id.
  at = bytes.writeInt32BE(1, at);
  at = bytes.writeInt16BE(-1, at);
  // Preferred replicas; no list of partitions means all of them.
  at = bytes.writeInt8(0, at);
  at = bytes.writeInt32BE(-1, at);
  bytes.writeInt32BE(answerMsMax, at);
  return bytes;
}

async function wholeAnswer(socket: ReturnType<typeof connect>): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < 4 || bytes.length < 4 + bytes.readInt32BE(0)) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  return bytes;
}
