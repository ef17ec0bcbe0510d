/** `/livez` and `/readyz`: what an orchestrator asks. Nothing else is answered. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf } from "../kernel/index.ts";
import { usageError } from "./exit.ts";

export interface ProbeServer {
  readonly port: number;
  close(): Promise<void>;
}

/** @param address `HOST:PORT`; port 0 takes a free one */
export async function serveProbes(address: string, isReady: () => boolean): Promise<ProbeServer> {
  const match = /^(\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})$/.exec(address);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > 65_535)
    throw usageError(`--http: ${JSON.stringify(address)} is not HOST:PORT`);
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    const isKnown = path === "/livez" || path === "/readyz";
    const status = !isKnown ? 404 : path === "/readyz" && !isReady() ? 503 : 200;
    const text = { 200: "ok\n", 404: "not found\n", 503: "not ready\n" }[status];
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(text);
  });
  server.listen(port, match[1].replace(/^\[|\]$/g, ""));
  // Rejects when the address is taken, unknown or not ours.
  await once(server, "listening").catch((thrown: unknown) => {
    throw usageError(`--http ${address}: ${messageOf(thrown)}`);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
