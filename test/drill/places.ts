import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Who was told something. */
export type Place = "slack" | "pagerduty" | "alertmanager";

/** One thing that a place was told: the begin or the end of something. */
export interface Told {
  readonly place: Place;
  readonly turn: "begin" | "end";
  /** Which of all: the same for a begin and its end. */
  readonly subject: string;
  /** `performance.now()`. */
  readonly atMs: number;
}

interface AlertmanagerHook {
  readonly alerts: readonly { readonly status: string; readonly labels: Readonly<Record<string, string>> }[];
}

/** Slack, PagerDuty, and the place that Alertmanager tells, as one server on loopback. */
export class Places {
  readonly told: Told[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let text = "";
      request.on("data", (part) => (text += String(part)));
      request.on("end", () => {
        for (const told of read((request.url ?? "").slice(1), text))
          this.told.push({ ...told, atMs: performance.now() });
        response.writeHead(200).end();
      });
    });
  }

  static async open(): Promise<Places> {
    const places = new Places();
    places.#server.listen(0, "127.0.0.1");
    await once(places.#server, "listening");
    return places;
  }

  urlOf(place: Place): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${place}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** @throws Error for what is nothing that such a place is told */
function read(place: string, text: string): Omit<Told, "atMs">[] {
  const body: unknown = JSON.parse(text);
  switch (place) {
    case "slack":
      return [slackTold(body as { readonly text: string })];
    case "pagerduty":
      return [pagerDutyTold(body as { readonly event_action: string; readonly dedup_key: string })];
    case "alertmanager":
      return (body as AlertmanagerHook).alerts.map(({ status, labels }) => ({
        place: "alertmanager",
        turn: status === "firing" ? "begin" : "end",
        subject: labels["fingerprint"] ?? JSON.stringify(labels),
      }));
    default:
      throw new Error(`nobody is told at /${place}`);
  }
}

/** `Page: sensors, inputs: inputs: value drifts.`, or `Resolved: ...`; an incident is told by its monitor alone. */
function slackTold({ text }: { readonly text: string }): Omit<Told, "atMs"> {
  const [turn, topology, rest] = [/^(\w+): (\w+), (.*)$/s.exec(text)].flatMap((match) => match?.slice(1) ?? []);
  if (turn === undefined || rest === undefined) return { place: "slack", turn: "begin", subject: text };
  return { place: "slack", turn: turn === "Resolved" ? "end" : "begin", subject: `${topology}, ${rest}` };
}

function pagerDutyTold({ event_action, dedup_key }: { readonly event_action: string; readonly dedup_key: string }) {
  return { place: "pagerduty", turn: event_action === "resolve" ? "end" : "begin", subject: dedup_key } as const;
}
