import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { type Deferred, deferred } from "../support/deadline.ts";

/** Kinds of Kafka requests that faults are aimed at. */
export const requestKind = { offsetCommit: 8, endTxn: 26, txnOffsetCommit: 28 } as const;

/** A request begins with its length, in four bytes, and the number of its kind, in two. */
const headBytes = 6;

/**
 * Stands between the clients of one listener and its node. Passes everything on, until it is told to cut what is
 * connected, to hold a request of a kind back, or to lose the answer to one.
 */
export class Road {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #trap:
    | { readonly kinds: readonly number[]; readonly how: "hold" | "lose-answer"; readonly sprung: Deferred<void> }
    | undefined;

  private constructor(target: string) {
    const [host = "", port] = target.split(":");
    this.#server = createServer((client) => this.#pass(client, connect({ host, port: Number(port) })));
  }

  static async open(advertised: string, target: string): Promise<Road> {
    const road = new Road(target);
    const [host, port] = advertised.split(":");
    road.#server.listen(Number(port), host);
    await once(road.#server, "listening");
    return road;
  }

  /** Resolves when a request of one of these kinds has come and is held back, with all that its client says after it. */
  hold(kinds: readonly number[]): Promise<void> {
    return this.#set(kinds, "hold");
  }

  /** Lets one request of these kinds through and cuts the connection instead of answering; resolves when it came. */
  loseAnswer(kinds: readonly number[]): Promise<void> {
    return this.#set(kinds, "lose-answer");
  }

  /** Takes back what {@link hold} or {@link loseAnswer} asked for, if it has not happened. */
  forget(): void {
    this.#trap = undefined;
  }

  /** Cuts every connection there is; new ones are let through. @returns whether there was one */
  cut(): boolean {
    const isAny = this.#sockets.size > 0;
    for (const socket of this.#sockets) socket.destroy();
    return isAny;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #set(kinds: readonly number[], how: "hold" | "lose-answer"): Promise<void> {
    const sprung = deferred();
    this.#trap = { kinds, how, sprung };
    return sprung.promise;
  }

  #pass(client: Socket, broker: Socket): void {
    const end = (): void => {
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on("error", end).on("close", () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    const requests = new RequestStream();
    let isHeld = false;
    let losesAnswers = false;
    client.on("data", (chunk: Buffer) => {
      for (const { bytes, kind } of requests.split(chunk)) {
        const trap = kind !== undefined && this.#trap?.kinds.includes(kind) ? this.#trap : undefined;
        if (trap !== undefined) {
          this.#trap = undefined;
          isHeld = trap.how === "hold";
          losesAnswers = trap.how === "lose-answer";
          trap.sprung.resolve();
        }
        if (!isHeld) broker.write(bytes);
      }
    });
    broker.on("data", (chunk: Buffer) => {
      if (losesAnswers) end();
      else client.write(chunk);
    });
  }
}

/** Cuts what a client says at the beginnings of its requests. */
class RequestStream {
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes of the request under way that are still to come. */
  #open = 0;

  /** Pieces in their order; the first of a request has its kind. */
  split(chunk: Buffer): { readonly bytes: Buffer; readonly kind: number | undefined }[] {
    const pieces: { bytes: Buffer; kind: number | undefined }[] = [];
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      let kind: number | undefined;
      if (this.#open === 0) {
        if (bytes.length < headBytes) break;
        this.#open = 4 + bytes.readInt32BE(0);
        kind = bytes.readInt16BE(4);
      }
      if (bytes.length === 0) break;
      const taken = Math.min(this.#open, bytes.length);
      pieces.push({ bytes: bytes.subarray(0, taken), kind });
      bytes = bytes.subarray(taken);
      this.#open -= taken;
    }
    this.#rest = bytes;
    return pieces;
  }
}
