import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { FakeSchemaRegistry } from "../../fakes/schema-registry.ts";

/** The fake of the registry's protocol behind basic authentication, on a socket of loopback. */
export class GuardedRegistry {
  readonly user: string;
  readonly password: string;
  /** The header of each request, in order. */
  readonly authorizations: (string | undefined)[] = [];
  /** Sends every caller on to this address. */
  redirectsTo: string | undefined;
  readonly #fake = new FakeSchemaRegistry();
  readonly #server: Server;

  private constructor(user: string, password: string) {
    this.user = user;
    this.password = password;
    const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    this.#server = createServer((request, response) => {
      this.authorizations.push(request.headers.authorization);
      if (this.redirectsTo !== undefined) {
        response.writeHead(307, { location: `${this.redirectsTo}${request.url}` }).end();
      } else if (request.headers.authorization === wanted) {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => void this.#answer(request.method, request.url, Buffer.concat(chunks), response));
      } else response.writeHead(401).end(JSON.stringify({ error_code: 401, message: "Unauthorized" }));
    });
  }

  static async start(user: string, password: string): Promise<GuardedRegistry> {
    const registry = new GuardedRegistry(user, password);
    registry.#server.listen(0, "127.0.0.1");
    await once(registry.#server, "listening");
    return registry;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(
    method = "GET",
    path = "/",
    body: Buffer,
    response: { writeHead(status: number): { end(text: string): void } },
  ): Promise<void> {
    const init = body.length === 0 ? { method } : { method, body: body.toString() };
    const answer = await this.#fake.fetch(`${this.url}${path}`, init);
    response.writeHead(answer.status).end(await answer.text());
  }
}
