import { type Logger, say } from "../kernel/index.ts";
import type { Connection } from "./settings.ts";

/**
 * Warns of passwords that will cross a network in the clear: PLAIN without TLS towards the cluster, and basic
 * authentication towards an http:// registry. Called once per command, before anything connects. Nothing is said of
 * addresses of this machine, and no password is. Brokers are judged by the addresses that were given; the cluster may
 * name others.
 */
export function warnOfExposure(connection: Connection, logger: Logger): void {
  const { sasl, tls, registry, registryAccount } = connection;
  const brokers = (connection.brokers ?? []).filter((broker) => !isLoopback(broker.slice(0, broker.lastIndexOf(":"))));
  if (sasl?.mechanism === "plain" && tls === undefined && brokers.length > 0)
    say(logger, "clusterPasswordExposed", { brokers, mend: "set MILLRACE_TLS_CA" });
  if (registryAccount === undefined || registry === undefined || !registry.startsWith("http://")) return;
  const { host, hostname } = new URL(registry);
  if (!isLoopback(hostname))
    say(logger, "registryPasswordExposed", { registry: host, mend: "use an https:// address" });
}

function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, "").toLowerCase();
  return /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|::1|::ffff:127\..+|::ffff:7f[0-9a-f]{2}:.+)$/.test(name);
}
