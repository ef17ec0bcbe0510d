import { once } from "node:events";
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from "node:net";
import { type Deferred, deferred } from "../../support/deadline.ts";

/** Numbers of requests that tests hold (Kafka protocol guide, "Api Keys"). */
export const apiKey = {
  produce: 0,
  listOffsets: 2,
  addPartitions: 24,
  endTransaction: 26,
  transactionOffsets: 28,
} as const;

type Direction = "request" | "answer";

/** Holds the first frame of a kind, with all that is behind it on its connection. */
export class Gate {
  /** Resolves when a frame is held. */
  readonly reached: Promise<void>;
  readonly #reached: Deferred<void> = deferred();
  #stream: FrameStream | undefined;

  constructor() {
    this.reached = this.#reached.promise;
  }

  hold(stream: FrameStream): void {
    this.#stream = stream;
    this.#reached.resolve();
  }

  /** Passes on what is held. */
  open(): void {
    this.#stream?.release();
  }

  /** Ends the connection; what is held is never seen. */
  cut(): void {
    this.#stream?.end();
  }
}

/** Passes the requests and answers of Kafka on between clients and a broker, and holds those that a test names. */
export class GatedProxy {
  /** Where to pass on to; to be set before anybody connects. */
  target = "";
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  /** Versions of the requests that clients have sent, by their number. */
  readonly versions = new Map<number, Set<number>>();
  readonly #gates: {
    readonly key: number;
    readonly direction: Direction;
    readonly names: string;
    readonly gate: Gate;
  }[] = [];

  private constructor() {
    this.#server = createServer((client) => {
      const [host = "", port] = this.target.split(":");
      const broker = connectSocket({ host, port: Number(port) });
      const end = (): void => {
        client.destroy();
        broker.destroy();
      };
      /** Kinds of the requests whose answers are still to come: a broker answers a connection in order. */
      const asked: number[] = [];
      const requests = new FrameStream(broker, end, (frame) => {
        const [key, version] = [frame.readInt16BE(4), frame.readInt16BE(6)];
        asked.push(key);
        this.versions.set(key, (this.versions.get(key) ?? new Set()).add(version));
        return this.#take(key, "request", frame);
      });
      const answers = new FrameStream(client, end, (frame) => this.#take(asked.shift() ?? -1, "answer", frame));
      for (const socket of [client, broker]) {
        this.#sockets.add(socket);
        socket.on("error", end).on("close", () => {
          this.#sockets.delete(socket);
          end();
        });
      }
      client.on("data", (bytes: Buffer) => requests.push(bytes));
      broker.on("data", (bytes: Buffer) => answers.push(bytes));
    });
  }

  static async start(): Promise<GatedProxy> {
    const proxy = new GatedProxy();
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /**
   * Holds the next request of a kind, or the next answer to one.
   * @param names that it has to name: a topic, a group, a transactional id
   */
  gate(key: number, direction: Direction, names = ""): Gate {
    const gate = new Gate();
    this.#gates.push({ key, direction, names, gate });
    return gate;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(key: number, direction: Direction, bytes: Buffer): Gate | undefined {
    const at = this.#gates.findIndex(
      (one) =>
        one.key === key &&
        one.direction === direction &&
        bytes.subarray(0, 4 + bytes.readInt32BE(0)).includes(one.names),
    );
    return at === -1 ? undefined : this.#gates.splice(at, 1)[0]?.gate;
  }
}

/** One direction of a connection, frame by frame: each begins with its length, in four bytes. */
class FrameStream {
  readonly #to: Socket;
  readonly #end: () => void;
  readonly #gateOf: (frame: Buffer) => Gate | undefined;
  #bytes = Buffer.alloc(0);
  #isHeld = false;

  constructor(to: Socket, end: () => void, gateOf: (frame: Buffer) => Gate | undefined) {
    this.#to = to;
    this.#end = end;
    this.#gateOf = gateOf;
  }

  push(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    this.#pass();
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#send();
    this.#pass();
  }

  end(): void {
    this.#end();
  }

  #pass(): void {
    while (!this.#isHeld && this.#bytes.length >= 4 && this.#bytes.length >= this.#frameBytes) {
      const gate = this.#gateOf(this.#bytes);
      if (gate === undefined) this.#send();
      else {
        this.#isHeld = true;
        gate.hold(this);
      }
    }
  }

  #send(): void {
    const size = this.#frameBytes;
    this.#to.write(this.#bytes.subarray(0, size));
    this.#bytes = this.#bytes.subarray(size);
  }

  get #frameBytes(): number {
    return 4 + this.#bytes.readInt32BE(0);
  }
}
