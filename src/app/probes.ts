/**
 * What an orchestrator and a monitoring system ask: `/livez`, `/readyz` and `/metrics`, and beside them what is served at
 * the same address. Nothing else is answered.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { exposition, expositionType } from "../adapters/prometheus/index.ts";
import { messageOf } from "../kernel/index.ts";
import type { MetricReading, ReadinessCheck } from "../runtime/index.ts";
import { usageError } from "./exit.ts";

export interface ProbeServer {
  readonly port: number;
  close(): Promise<void>;
}

/** What is asked when somebody asks. */
export interface Probed {
  /** 200 when every check is well, 503 else; `?verbose` lists them. */
  readiness(): readonly ReadinessCheck[];
  metrics(): Promise<readonly MetricReading[]>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What is served beside, by its path. */
export type Routes = ReadonlyMap<string, (request: IncomingMessage) => Promise<Answer>>;

/** How long a request may take to arrive. */
const requestMsMax = 10_000;

/** @param address `HOST:PORT`; port 0 takes a free one */
export async function serveProbes(address: string, probed: Probed, routes: Routes = new Map()): Promise<ProbeServer> {
  const match = /^(\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})$/.exec(address);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > 65_535)
    throw usageError(`--http: ${JSON.stringify(address)} is not HOST:PORT`);
  const metrics = together(() => probed.metrics());
  const answerTo = async (request: IncomingMessage): Promise<Answer> => {
    const [path = "/", query] = (request.url ?? "/").split("?");
    const route = routes.get(path);
    if (route !== undefined) return route(request);
    if (path === "/livez") return { status: 200, body: "ok\n" };
    if (path === "/readyz") return readyAnswer(probed.readiness(), new URLSearchParams(query).has("verbose"));
    if (path === "/metrics") return { status: 200, body: exposition(await metrics()), type: expositionType };
    return { status: 404, body: "not found\n" };
  };
  const limits = { requestTimeout: requestMsMax, headersTimeout: requestMsMax };
  const server = createServer(limits, (request, response) => {
    void answerTo(request)
      .catch((thrown: unknown): Answer => ({ status: 500, body: `${messageOf(thrown)}\n` }))
      .then(({ status, body, type = "text/plain; charset=utf-8", headers }) =>
        response.writeHead(status, { "content-type": type, ...headers }).end(body),
      );
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

function readyAnswer(checks: readonly ReadinessCheck[], isVerbose: boolean): Answer {
  const isReady = checks.every(({ isWell }) => isWell);
  const listed = isVerbose
    ? checks.map(({ name, isWell, state }) => `${isWell ? "[+]" : "[-]"} ${name}: ${state}\n`)
    : [];
  return { status: isReady ? 200 : 503, body: `${listed.join("")}${isReady ? "ok" : "not ready"}\n` };
}

/** Whoever asks while an answer is under way is given that one: scrapes do not pile up on a cluster that is slow. */
function together<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask().finally(() => {
      asked = undefined;
    });
    return asked;
  };
}
