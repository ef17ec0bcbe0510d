import { say } from "../../kernel/index.ts";
import { clientLogger } from "./client-logger.ts";
import type { BrokerConnection, Connection, KafkajsParts, ProtocolRequest } from "./client-types.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { sendOn } from "./direct-send.ts";
import { breaksConnection, UnsupportedRequestError } from "./errors.ts";
import { explained } from "./refusals.ts";

/** Fetches have a connection of their own: a broker answers a connection's requests one after the other. */
export type Lane = "control" | "fetch";

const connectionTimeoutMs = 10_000;
const authenticationTimeoutMs = 10_000;

/** A client that is held back for so long is told of it, and how often at most. */
const throttleSaidMs = 1_000;
const throttleSaidEveryMs = 60_000;

/** A connection was given up by us; whoever waits on it asks elsewhere. */
class ConnectionDroppedError extends Error {
  override readonly name = "KafkaJSConnectionClosedError";
}

function givenUp(address: string): ConnectionDroppedError {
  return new ConnectionDroppedError(`the connection to ${address} was given up`);
}

/** The connections of one client to the brokers of a cluster, by address. */
export class Connections {
  readonly #parts: KafkajsParts;
  readonly #options: ConnectionOptions;
  readonly #logger: object;
  readonly #socketFactory: object;
  readonly #brokers = new Map<string, BrokerConnection>();
  readonly #ready = new WeakSet<BrokerConnection>();
  readonly #connecting = new Map<Connection, Promise<unknown>>();
  readonly #throttleSaidMs = new Map<string, number>();
  readonly #heldBackUntilMs = new Map<string, number>();

  constructor(parts: KafkajsParts, options: ConnectionOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#logger = clientLogger(parts.createLogger, options.logger);
    this.#socketFactory = parts.createSocketFactory();
  }

  /** Sends one request and gives its decoded answer. An error that leaves the stream out of step ends the connection. */
  async send<T>(address: string, lane: Lane, request: (broker: BrokerConnection) => ProtocolRequest): Promise<T> {
    const broker = this.#broker(address);
    const isNew = !this.#ready.has(broker);
    try {
      const connection = await this.#connected(address, broker, lane);
      const spoken = request(broker);
      checkVersion(spoken, broker, address);
      return (await sendOn(connection, spoken)) as T;
    } catch (error) {
      if (breaksConnection(error)) this.#drop(address, broker);
      throw explained(error, address, this.#options, isNew);
    }
  }

  /** Ends every connection; what is in flight rejects. */
  async close(): Promise<void> {
    for (const [address, broker] of [...this.#brokers]) this.#drop(address, broker);
  }

  #broker(address: string): BrokerConnection {
    const known = this.#brokers.get(address);
    if (known !== undefined) return known;
    const colon = address.lastIndexOf(":");
    const { clientId, tls, sasl, requestTimeoutMs } = this.#options;
    const connectionPool = new this.#parts.ConnectionPool({
      host: address.slice(0, colon).replace(/^\[|\]$/g, ""),
      port: Number(address.slice(colon + 1)),
      rack: null,
      // kafkajs reads any object as "use TLS", and `true` as an empty one.
      ssl: tls === true ? {} : tls === false || tls === undefined ? null : { ...tls },
      sasl: sasl === undefined ? null : { ...sasl },
      clientId,
      socketFactory: this.#socketFactory,
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: requestTimeoutMs,
      enforceRequestTimeout: true,
      maxInFlightRequests: null,
      logger: this.#logger,
    });
    for (const connection of connectionPool.pool) {
      noticeCuts(connection);
      noticeThrottles(connection, (ms) => this.#throttled(address, ms));
    }
    const broker = new this.#parts.Broker({
      connectionPool,
      logger: this.#logger,
      authenticationTimeout: authenticationTimeoutMs,
      allowAutoTopicCreation: false,
    });
    this.#brokers.set(address, broker);
    return broker;
  }

  /** Until when a broker reads nothing more of this client, on the monotonic clock; long ago when it does. */
  heldBackUntilMs(address: string): number {
    return this.#heldBackUntilMs.get(address) ?? Number.NEGATIVE_INFINITY;
  }

  #throttled(address: string, ms: number): void {
    const { clock, logger, clientId } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#heldBackUntilMs.set(address, Math.max(nowMs + ms, this.heldBackUntilMs(address)));
    if (
      ms < throttleSaidMs ||
      nowMs - (this.#throttleSaidMs.get(address) ?? -throttleSaidEveryMs) < throttleSaidEveryMs
    )
      return;
    this.#throttleSaidMs.set(address, nowMs);
    say(logger, "clientHeldBack", { broker: address, clientId, forMs: ms });
  }

  async #connected(address: string, broker: BrokerConnection, lane: Lane): Promise<Connection> {
    const connection = broker.connectionPool.pool[lane === "fetch" ? 1 : 0];
    if (connection === undefined) throw new ConnectionDroppedError("the client has no such connection");
    if (this.#ready.has(broker) && connection.isConnected()) return connection;
    if (!this.#ready.has(broker)) {
      await broker.connect();
      this.#ready.add(broker);
    }
    if (!connection.isConnected()) {
      // kafkajs opens one socket per caller here, and mixes up their bytes; so one opening at a time.
      const opening = this.#connecting.get(connection) ?? this.#open(connection);
      await opening;
    }
    // It may have come about in the very turn in which it was given up: its socket is gone.
    if (this.#brokers.get(address) !== broker) throw givenUp(address);
    return connection;
  }

  #open(connection: Connection): Promise<unknown> {
    const opening = connection.connect().finally(() => this.#connecting.delete(connection));
    this.#connecting.set(connection, opening);
    return opening;
  }

  /** Forgets a broker's connections: kafkajs keeps half an answer in its buffer, and would misread the next one. */
  #drop(address: string, broker: BrokerConnection): void {
    // Everything in flight fails at once; the first of them has dropped it.
    if (this.#brokers.get(address) !== broker) return;
    this.#brokers.delete(address);
    const error = givenUp(address);
    for (const connection of broker.connectionPool.pool) {
      // Others may wait for kafkajs's lock on the broker: what they opened now would be in no map, and never end.
      connection.connect = () => Promise.reject(error);
      connection.rejectRequests(error);
      connection.socket?.destroy();
      connection.disconnect().catch(() => undefined);
    }
  }
}

/**
 * Lets `connect` of a connection reject when its socket ends while it is made. kafkajs notices an error there, but no end
 * without one: it then waits until its time is up, ten seconds, though the socket is long gone.
 */
function noticeCuts(connection: Connection): void {
  const connect = connection.connect.bind(connection);
  connection.connect = () => {
    const made = connect();
    const cut = new Promise<never>((_, reject) => {
      // Where there is an error, kafkajs tells it in the turn of the end, and knows more.
      const tell = (): void => reject(new ConnectionDroppedError("Closed connection"));
      connection.socket?.once("close", () => setImmediate(tell));
    });
    return Promise.race([made, cut]);
  };
}

/**
 * Lets the time limits of what was written already count from the end of a throttle: the broker reads nothing from the
 * connection until then. kafkajs counts from the write, and would send again what the broker is going to take.
 */
function noticeThrottles({ requestQueue }: Connection, throttled: (ms: number) => void): void {
  const maybeThrottle = requestQueue.maybeThrottle.bind(requestQueue);
  requestQueue.maybeThrottle = (ms) => {
    maybeThrottle(ms);
    // Answers of requests that know no throttle time, such as a refused sign-in, have none.
    if (typeof ms !== "number" || ms <= 0) return;
    for (const request of requestQueue.inflight.values())
      request.sentAt = Math.max(request.sentAt, requestQueue.throttledUntil);
    throttled(ms);
  };
}

/** A broker closes the connection on a version that it does not speak, and says nothing. */
function checkVersion({ request }: ProtocolRequest, { versions }: BrokerConnection, address: string): void {
  const { apiKey, apiName, apiVersion } = request;
  const spoken = versions?.[apiKey];
  if (versions === null || (spoken && spoken.minVersion <= apiVersion && apiVersion <= spoken.maxVersion)) return;
  const own = spoken === undefined ? "does not have it" : `has ${spoken.minVersion} to ${spoken.maxVersion}`;
  throw new UnsupportedRequestError(
    `request ${apiName} is needed in version ${apiVersion}, and the broker at ${address} ${own}; Kafka 2.8 and later will do`,
  );
}
