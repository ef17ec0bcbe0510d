import type { Outgoing } from "../../wire/index.ts";
import type { ClusterLink } from "./link.ts";
import { type ProducedIn, type ProducedPartition, produceRequest } from "./produce-request.ts";

/**
 * Requests on their way to one broker at a time. It works on one and leaves the next in its socket, so that it has
 * something to do while an answer travels; more would only make requests smaller.
 */
const inFlightMax = 2;
/** Bytes of batches in one request, unless a single one is larger; brokers read at most 100 MiB at once. */
const requestBytesMax = 4 * 1024 * 1024;

interface Waiting {
  readonly outgoing: Outgoing;
  readonly transaction: ProducedIn | undefined;
  resolve(produced: ProducedPartition | undefined): void;
  reject(error: unknown): void;
}

interface Node {
  queue: Waiting[];
  inFlight: number;
  isDue: boolean;
}

/**
 * Sends the batches of all tasks of the process that go to one broker in one request, as many as have come together in
 * a turn of the event loop or while requests are on their way to it.
 *
 * The process, and not a stage's member, because a broker works off one request per connection at a time, and waits in
 * each for its replicas: with a request per task, each task waits for all others. What became of a batch is told to its
 * sender alone. A request has one batch per topic-partition: of those that come for the same one, the first goes first;
 * and it has batches of one transaction, or of none.
 */
export class ProduceGatherer {
  readonly #link: Pick<ClusterLink, "send">;
  readonly #timeoutMs: number;
  readonly #nodes = new Map<number, Node>();

  /** @param timeoutMs how long a broker may wait for its replicas */
  constructor(link: Pick<ClusterLink, "send">, timeoutMs: number) {
    this.#link = link;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Answers what the broker says of the batch; undefined when its answer does not name the topic-partition. Never tries
   * again. A batch that still waits when `signal` is aborted is not sent.
   */
  send(
    node: number,
    outgoing: Outgoing,
    signal?: AbortSignal,
    transaction?: ProducedIn,
  ): Promise<ProducedPartition | undefined> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const at = this.#node(node);
      const cut = (): void => {
        const place = at.queue.indexOf(waiting);
        if (place === -1) return;
        at.queue.splice(place, 1);
        reject(signal?.reason);
      };
      const done = (): void => signal?.removeEventListener("abort", cut);
      const waiting: Waiting = {
        outgoing,
        transaction,
        resolve: (produced) => {
          done();
          resolve(produced);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      at.queue.push(waiting);
      signal?.addEventListener("abort", cut, { once: true });
      if (at.isDue || at.inFlight >= inFlightMax) return;
      at.isDue = true;
      setImmediate(() => {
        at.isDue = false;
        this.#sendNext(node, at);
      });
    });
  }

  #node(node: number): Node {
    const known = this.#nodes.get(node);
    if (known !== undefined) return known;
    const at: Node = { queue: [], inFlight: 0, isDue: false };
    this.#nodes.set(node, at);
    return at;
  }

  #sendNext(node: number, at: Node): void {
    while (at.queue.length > 0 && at.inFlight < inFlightMax) {
      const taken = takeRequest(at);
      at.inFlight++;
      void this.#request(node, at, taken).finally(() => {
        at.inFlight--;
        this.#sendNext(node, at);
      });
    }
  }

  async #request(node: number, at: Node, taken: ReadonlyMap<string, Waiting>): Promise<void> {
    try {
      const waiting = [...taken.values()];
      const batches = waiting.map(({ outgoing }) => outgoing);
      const request = produceRequest(batches, this.#timeoutMs, waiting[0]?.transaction);
      const answer = await this.#link.send<ProducedPartition[]>(node, "control", () => request);
      const produced = new Map(answer.map((one) => [keyOf(one), one]));
      for (const [key, { resolve }] of taken) resolve(produced.get(key));
    } catch (error) {
      // What waits behind it would wait as long again for a broker that may be gone, and lead nothing any more.
      const behind = at.queue;
      at.queue = [];
      for (const { reject } of [...taken.values(), ...behind]) reject(error);
    }
  }
}

/** The first of what waits, and as much of the same transaction as fits one request; what is left keeps its order. */
function takeRequest(at: Node): Map<string, Waiting> {
  const taken = new Map<string, Waiting>();
  const transactionalId = at.queue[0]?.transaction?.transactionalId;
  const left: Waiting[] = [];
  let bytes = 0;
  for (const waiting of at.queue) {
    const key = keyOf(waiting.outgoing);
    const size = waiting.outgoing.bytes.length;
    const isOther = waiting.transaction?.transactionalId !== transactionalId;
    if (isOther || taken.has(key) || (taken.size > 0 && bytes + size > requestBytesMax)) {
      left.push(waiting);
      continue;
    }
    taken.set(key, waiting);
    bytes += size;
  }
  at.queue = left;
  return taken;
}

function keyOf({ topic, partition }: Pick<Outgoing, "topic" | "partition">): string {
  return `${topic}-${partition}`;
}
