/** A request of kafkajs: how it is encoded, and how its answer is read. */
export interface ProtocolRequest {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    /** Bytes that follow what `encode` gives, sent as they are; kafkajs does not know them, `sendOn` does. */
    readonly body?: readonly Buffer[];
    encode(): Promise<Pick<WireEncoder, "buf" | "buffer">>;
    expectResponse?(): boolean;
  };
  readonly response: {
    decode(bytes: Buffer): Promise<unknown>;
    parse(answer: unknown): Promise<unknown>;
  };
  readonly requestTimeout?: number;
  readonly logResponseError?: boolean;
}

export interface WireEncoder {
  readonly buf: Buffer;
  readonly buffer: Buffer;
  writeInt8(value: number): WireEncoder;
  writeInt16(value: number): WireEncoder;
  writeInt32(value: number): WireEncoder;
  writeInt64(value: number): WireEncoder;
  writeString(value: string | null): WireEncoder;
  writeBoolean(value: boolean): WireEncoder;
  writeBufferInternal(value: Buffer): void;
}

export interface WireDecoder {
  readInt8(): number;
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readString(): string | null;
  readBoolean(): boolean;
  readBytes(length?: number): Buffer | null;
  readArray<T>(read: (decoder: WireDecoder) => T): T[];
}

export interface Connection {
  isConnected(): boolean;
  /** Replaced on connections of our own, see `Connections`. */
  connect: () => Promise<unknown>;
  disconnect(): Promise<unknown>;
  rejectRequests(error: Error): void;
  send(request: ProtocolRequest): Promise<unknown>;
  isAuthenticated(): boolean;
  authenticate(): Promise<void>;
  failIfNotConnected(): void;
  nextCorrelationId(): number;
  readonly clientId: string;
  readonly requestQueue: ConnectionQueue;
  /** Set as soon as `connect` was called. */
  readonly socket?: {
    destroy(): void;
    cork(): void;
    uncork(): void;
    write(bytes: Buffer): boolean;
    once(event: "close", listener: () => void): void;
  };
}

/** The requests of a connection, in their order: nothing is sent while the broker holds this client back. */
export interface ConnectionQueue {
  push(request: QueuedRequest): void;
  /** An answer says for how long nothing more is read. Replaced on connections of our own, see `Connections`. */
  maybeThrottle: (ms: number | null | undefined) => void;
  /** Wall-clock time; below any when nothing was ever held back. */
  readonly throttledUntil: number;
  /** What has been written, by correlation id; `sentAt` is the wall-clock time from which the time limit counts. */
  readonly inflight: ReadonlyMap<number, { sentAt: number }>;
}

/** A request as kafkajs's queue of a connection takes it; `entry` is settled with the answer's payload. */
export interface QueuedRequest {
  readonly entry: {
    readonly apiKey: number;
    readonly apiName: string;
    readonly apiVersion: number;
    readonly correlationId: number;
    resolve(answer: { readonly payload: Buffer }): void;
    reject(error: unknown): void;
  };
  readonly expectResponse: boolean;
  readonly requestTimeout: number | null;
  sendRequest(): void;
}

export interface ConnectionPool {
  readonly host: string;
  readonly port: number;
  /** Two connections: kafkajs uses the second for fetches, so that a long poll blocks nothing else. */
  readonly pool: readonly Connection[];
}

/** kafkajs's view of one broker: connects, negotiates versions, authenticates. */
export interface BrokerConnection {
  readonly connectionPool: ConnectionPool;
  /** What the broker speaks, by the number of the request; null before it was asked. */
  readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>> | null;
  connect(): Promise<void>;
  lookupRequest(apiKey: number, definition: RequestDefinition): (args: object) => ProtocolRequest;
}

export interface RequestDefinition {
  readonly versions: readonly string[];
  protocol(at: { version: number }): (args: object) => ProtocolRequest;
}

export interface RequestQueuePrototype {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

/** A line of kafkajs's own log. */
export interface KafkajsLogEntry {
  readonly namespace: string;
  readonly level: number;
  readonly label: string;
  readonly log: { readonly message: string; readonly broker?: string };
}

export interface KafkajsParts {
  readonly Broker: new (options: object) => BrokerConnection;
  readonly ConnectionPool: new (options: object) => ConnectionPool;
  readonly Encoder: new (size?: number) => WireEncoder;
  readonly Decoder: new (bytes: Buffer) => WireDecoder;
  readonly requests: Readonly<Record<string, RequestDefinition>>;
  readonly createLogger: (options: {
    level: number;
    logCreator: (level: number) => (entry: KafkajsLogEntry) => void;
  }) => object;
  readonly createSocketFactory: () => object;
  readonly assignerProtocol: {
    readonly MemberMetadata: {
      encode(metadata: { version: number; topics: readonly string[]; userData: Buffer }): Buffer;
      decode(bytes: Buffer): { version: number; topics: readonly string[]; userData: Buffer | null };
    };
    readonly MemberAssignment: {
      encode(assignment: { version: number; assignment: Record<string, readonly number[]>; userData: Buffer }): Buffer;
      decode(bytes: Buffer): { assignment: Record<string, readonly number[]>; userData: Buffer | null } | null;
    };
  };
}
