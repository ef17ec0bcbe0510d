import { describe, expect, test } from "vitest";
import { warnOfExposure } from "../../../src/app/exposure.ts";
import { createPeopleLogger } from "../../../src/app/people-logger.ts";
import type { Connection } from "../../../src/app/settings.ts";

const nothing: Connection = {
  brokers: undefined,
  registry: undefined,
  modelsDir: undefined,
  namespace: undefined,
  tls: undefined,
  sasl: undefined,
  registryAccount: undefined,
  sessionMs: undefined,
};
const sasl = { mechanism: "plain", username: "alice", password: "hunter2" } as const;
const registryAccount = { user: "bob", password: "hunter2" };

function warnings(connection: Partial<Connection>): string[] {
  const lines: string[] = [];
  const logger = createPeopleLogger(
    (line) => lines.push(line.trimEnd()),
    () => 0,
  );
  warnOfExposure({ ...nothing, ...connection }, logger);
  return lines;
}

const cluster = "00:00:00 WARN The password of the cluster is sent in the clear: PLAIN without TLS.";
const registry = "00:00:00 WARN The password of the registry is sent in the clear: basic authentication without TLS.";

test("PLAIN without TLS towards another machine is warned about, once, with the brokers it goes to", () => {
  const brokers = ["kafka.example:9092", "127.0.0.1:9092", "10.0.0.7:9092", "[fd00::7]:9092"];
  expect(warnings({ brokers, sasl })).toEqual([
    `${cluster}  code=MR_EXPOSED brokers=kafka.example:9092,10.0.0.7:9092,[fd00::7]:9092 mend=set MILLRACE_TLS_CA`,
  ]);
});

describe("nothing is said of a password", () => {
  test.each<[string, Partial<Connection>]>([
    ["to brokers of this machine", { brokers: ["localhost:1", "127.0.0.1:1", "127.8.0.2:1", "[::1]:1"], sasl }],
    ["over TLS", { brokers: ["kafka.example:9092"], sasl, tls: {} }],
    ["that SCRAM does not send", { brokers: ["kafka.example:9092"], sasl: { ...sasl, mechanism: "scram-sha-512" } }],
    ["that is not there", { brokers: ["kafka.example:9092"], registry: "http://registry.example/" }],
    ["to a registry over TLS", { registry: "https://registry.example/", registryAccount }],
    ["to a registry of this machine", { registry: "http://[::1]:8081/", registryAccount }],
    ["beside a registry folder", { registry: "http.d", registryAccount }],
  ])("%s", (_name, connection) => expect(warnings(connection)).toEqual([]));
});

test("basic authentication to an http registry on another machine is warned about", () => {
  for (const host of ["registry.example:8081", "127.0.0.1.example", "localhost.example"])
    expect(warnings({ registry: `http://${host}/base`, registryAccount })).toEqual([
      `${registry}  code=MR_EXPOSED registry=${host} mend=use an https:// address`,
    ]);
});

test("no warning holds a password", () => {
  const all = warnings({ brokers: ["a:1"], sasl, registry: "http://b/", registryAccount });
  expect(all).toHaveLength(2);
  expect(all.join()).not.toContain("hunter2");
});
