import type { Clock, Logger } from "../../kernel/index.ts";
import type { Outage } from "./outage.ts";

/** TLS as Node's `tls.connect` takes it; `true` trusts the system's authorities. */
export type TlsOptions =
  | boolean
  | {
      readonly ca?: string | Buffer;
      readonly cert?: string | Buffer;
      readonly key?: string | Buffer;
      readonly servername?: string;
      readonly rejectUnauthorized?: boolean;
    };

export interface SaslOptions {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

export interface ConnectionOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls?: TlsOptions | undefined;
  readonly sasl?: SaslOptions | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  readonly outage?: Outage | undefined;
}
