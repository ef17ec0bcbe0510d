/**
 * `POST /api/v1/hooks/alertmanager`: alerts of others as a reason to train a model again.
 *
 * An answer of 200 says that every alert stands on the retraining topic, where the policy finds it; all guards are the
 * policy's. Whatever is refused or could not be written is said in the answer and in the log.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type Clock, codeOf, cutOff, Facts, type Logger, messageOf, OperationError, say } from "../kernel/index.ts";
import { type AlertmanagerPost, foreignAlertEvent, readAlertmanagerPost } from "../retraining/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { Plan } from "../topology/index.ts";
import { type RetrainingEvent, retrainingRecord } from "../training/index.ts";
import type { Answer, Routes } from "./probes.ts";

export const hookPath = "/api/v1/hooks/alertmanager";

const bodyBytesMax = 256 * 1024;
/** Of a larger body so much is still taken in, and thrown away, so that whoever sends it gets to read the answer. */
const drainedBytesMax = 4 * 1024 * 1024;
const perMinute = 60;
const minuteMs = 60_000;
/** How long writing may take: an answer comes within ten seconds. */
const writeMsMax = 8_000;
/** Firings that are remembered as written. What is forgotten is written again, and is the same one to the policy. */
const writtenMax = 10_000;

export interface HookOptions {
  /** What whoever posts has to show. */
  readonly token: string;
  /** Names of the models that are trained on alerts of others. */
  readonly models: ReadonlySet<string>;
  /** Cluster name of the retraining topic. */
  readonly topic: string;
  readonly broker: Pick<Broker, "append">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The process ends. */
  readonly signal: AbortSignal;
}

type Posted = Extract<AlertmanagerPost, { kind: "alerts" }>;

export function createAlertmanagerHook(options: HookOptions): (request: IncomingMessage) => Promise<Answer> {
  const { clock, logger, models } = options;
  const facts = new Facts(logger);
  const isAllowed = bearerOf(options.token);
  const rate = new Rate(clock);
  const said = new Map<number, number>();
  const written = new Written();

  /** Once a minute and kind of refusal: whoever has the address must not fill the log. */
  const refuse = (status: number, reason: string, headers: Answer["headers"] = {}): Answer => {
    const nowMs = clock.monotonicMs();
    if (nowMs - (said.get(status) ?? Number.NEGATIVE_INFINITY) >= minuteMs) {
      said.set(status, nowMs);
      facts.emit("hookRefused", { status, reason });
    }
    return { ...answerOf(status, { error: reason }), headers };
  };

  return async (request) => {
    // What is not read is thrown away by the server, and the connection with it.
    const close = { connection: "close" };
    if (request.method !== "POST") return refuse(405, "only POST is answered", { allow: "POST", ...close });
    if (!isAllowed(request.headers.authorization))
      return refuse(401, "the bearer token is missing or another", { "www-authenticate": "Bearer", ...close });
    const waitMs = rate.take();
    if (waitMs > 0) {
      const after = String(Math.ceil(waitMs / 1_000));
      return refuse(429, `more than ${perMinute} requests came within a minute`, { "retry-after": after, ...close });
    }
    const text = await readBody(request);
    if (text === undefined) return refuse(413, `the body has more than ${bodyBytesMax} bytes`, close);
    const post = readAlertmanagerPost(text, models);
    if (post.kind !== "alerts") return refuse(post.kind === "malformed" ? 400 : 413, post.reason);
    return taken(post);
  };

  /** What can be taken is, also beside what cannot: Alertmanager does not come again with a post that was refused. */
  async function taken({ alerts, own, refused, truncated }: Posted): Promise<Answer> {
    const events = alerts.map((alert) => foreignAlertEvent(alert, clock.now()));
    const fresh = [...new Map(events.map((event) => [event.id, event])).values()].filter(({ id }) => !written.has(id));
    try {
      await write(fresh, options);
    } catch (thrown) {
      facts.emit("hookUnwritten", { code: codeOf(thrown), alerts: fresh.length, reason: messageOf(thrown) });
      return {
        ...answerOf(503, { error: `nothing is known to be taken; post it again: ${messageOf(thrown)}` }),
        headers: { "retry-after": "10" },
      };
    }
    for (const { id } of fresh) written.add(id);
    const of = (type: RetrainingEvent["type"]): number => fresh.filter((event) => event.type === type).length;
    const counts = {
      reported: of("reported"),
      resolved: of("resolved"),
      known: events.length - fresh.length,
      own,
      refused: refused.length,
      truncated,
    };
    if (fresh.length > 0) facts.emit("hookTaken", counts);
    if (truncated > 0) facts.emit("hookTruncated", { alerts: truncated });
    if (refused.length === 0) return answerOf(200, counts);
    const [{ index, reason } = { index: 0, reason: "" }] = refused;
    const more = refused.length === 1 ? "" : `; and ${refused.length - 1} more`;
    const error = `alerts.${index}: ${reason}${more}`;
    refuse(422, error);
    return answerOf(422, { error, ...counts });
  }
}

/** What a run serves of it: nothing without a token, and where no model has a label. */
export function hookRoutes(
  { models, retraining }: Pick<Plan, "models" | "retraining">,
  options: Pick<HookOptions, "broker" | "clock" | "logger" | "signal"> & { readonly token: string | undefined },
): Routes {
  const { token } = options;
  if (token === undefined || retraining === undefined) return new Map();
  const hook = { ...options, token, models: new Set(hookedModels({ models })), topic: retraining.clusterName };
  return new Map([[hookPath, createAlertmanagerHook(hook)]]);
}

/** Names of the models that are trained on alerts of others. */
export function hookedModels({ models }: Pick<Plan, "models">): readonly string[] {
  return models.filter(({ retrain }) => retrain?.on.some(({ kind }) => kind === "webhook")).map(({ name }) => name);
}

/** What a model asks for and a process does not hear is said once, at its start. */
export function sayUnheard(
  plan: Pick<Plan, "models">,
  { http, token }: { readonly http: string | undefined; readonly token: string | undefined },
  logger: Logger,
): void {
  const models = hookedModels(plan);
  const lacks = [
    ...(http === undefined ? ["--http"] : []),
    ...(token === undefined ? ["MILLRACE_HOOK_TOKEN_FILE"] : []),
  ];
  if (models.length > 0 && lacks.length > 0) say(logger, "hookUnheard", { models, lacks });
}

/** Durable when it resolves. */
async function write(events: readonly RetrainingEvent[], { broker, topic, clock, signal }: HookOptions): Promise<void> {
  if (events.length === 0) return;
  const ended = new AbortController();
  const late = (): Error =>
    new OperationError("MR_BROKER", `writing to ${topic}: no broker answered for ${writeMsMax / 1_000} s`);
  const at = { topic, partition: 0, timestampMs: clock.now() };
  const records = events.map((event) => ({ ...at, ...retrainingRecord(event) }));
  try {
    await cutOff(
      broker.append(records, AbortSignal.any([ended.signal, signal])),
      { clock, afterMs: writeMsMax, late },
      signal,
    );
  } finally {
    ended.abort(new Error("nobody waits for it any more"));
  }
}

/** Compares digests: they have one length, and how long it takes says nothing of the token. */
function bearerOf(token: string): (header: string | undefined) => boolean {
  const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();
  const wanted = digestOf(token);
  return (header) => {
    // RFC 9110, section 11.1: the scheme's name is written in any case.
    const given = /^bearer +(.*)$/i.exec(header ?? "")?.[1];
    const isEqual = timingSafeEqual(digestOf(given ?? ""), wanted);
    return given !== undefined && isEqual;
  };
}

/** So many requests within any minute. */
class Rate {
  readonly #clock: Pick<Clock, "monotonicMs">;
  #times: number[] = [];

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** Counts a request. @returns 0; or, where it is one too many and not counted, after how many ms there is room */
  take(): number {
    const nowMs = this.#clock.monotonicMs();
    this.#times = this.#times.filter((time) => nowMs - time < minuteMs);
    const [oldest] = this.#times;
    if (oldest !== undefined && this.#times.length >= perMinute) return oldest + minuteMs - nowMs;
    this.#times.push(nowMs);
    return 0;
  }
}

/** Ids of events that stand on the topic, the latest of them. */
class Written {
  readonly #ids = new Set<string>();

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > writtenMax && oldest !== undefined) this.#ids.delete(oldest);
  }
}

/** Undefined for a body that is too large. @throws Error when it ends in the middle */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bodyBytesMax) chunks.push(chunk);
      else chunks.length = 0;
      if (bytes > drainedBytesMax) resolve(undefined);
    });
    request.on("end", () => resolve(bytes > bodyBytesMax ? undefined : Buffer.concat(chunks).toString("utf8")));
    request.on("error", reject);
    request.on("close", () => reject(new Error("the request ended before its body did")));
  });
}

function answerOf(status: number, body: Readonly<Record<string, unknown>>): Answer {
  return { status, body: `${JSON.stringify(body)}\n`, type: "application/json" };
}
