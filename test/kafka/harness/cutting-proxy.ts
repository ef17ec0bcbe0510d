import { once } from "node:events";
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from "node:net";

/** The number of the request with which a client signs in. */
const saslAuthenticate = 36;

/** Passes bytes on, and cuts the first connections when a client sends its first word of a sign-in. */
export class CuttingProxy {
  cuts = 0;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();

  private constructor(target: string, cutsMax: number) {
    const [host, port] = target.split(":");
    this.#server = createServer((client) => {
      const broker = connectSocket({ host: host ?? "", port: Number(port) });
      const end = (): void => {
        client.destroy();
        broker.destroy();
      };
      for (const socket of [client, broker]) {
        this.#sockets.add(socket);
        socket.on("error", end).on("close", end);
      }
      client.on("data", (chunk: Buffer) => {
        // A request begins with its length, in four bytes, and the number of its kind, in two.
        const isSignIn = chunk.length > 6 && chunk.readInt16BE(4) === saslAuthenticate;
        if (isSignIn && this.cuts < cutsMax) {
          this.cuts++;
          client.end();
          broker.destroy();
        } else broker.write(chunk);
      });
      broker.on("data", (chunk: Buffer) => client.write(chunk));
    });
  }

  static async start(target: string, cutsMax: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target, cutsMax);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
