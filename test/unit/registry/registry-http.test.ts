import { describe, expect, test } from "vitest";
import { createHttpRegistry, type HttpRegistryOptions } from "../../../src/adapters/registry-http/index.ts";
import type { Clock } from "../../../src/kernel/index.ts";
import { registryContract } from "../../contract/registry.ts";
import { FakeSchemaRegistry } from "../../fakes/schema-registry.ts";

const signal = new AbortController().signal;
const payment = { type: "record", name: "Payment", fields: [{ name: "id", type: "string" }] };

class SteppingClock implements Clock {
  readonly slept: number[] = [];
  #nowMs = 0;
  now = () => this.#nowMs;
  monotonicMs = () => this.#nowMs;
  sleep = async (ms: number) => {
    this.slept.push(ms);
    this.#nowMs += ms;
  };
}

function open(fake = new FakeSchemaRegistry(), options: Partial<HttpRegistryOptions> = {}) {
  const clock = new SteppingClock();
  const registry = createHttpRegistry({ url: "http://registry.test:8081/", clock, fetch: fake.fetch, ...options });
  return { clock, fake, registry };
}

describe("a server that answers only the id keeps the contract", () => {
  registryContract(() => open().registry);
});

describe("a server that answers the whole version keeps the contract", () => {
  registryContract(() => open(new FakeSchemaRegistry({ answersVersion: true })).registry);
});

test("connection errors, 408, 429 and 5xx are tried again with growing pauses", async () => {
  const { clock, fake, registry } = open();
  await registry.register("payments-value", payment, signal);
  fake.failures.push(new TypeError("fetch failed"), 503, 429);
  expect(await registry.latest("payments-value", signal)).toMatchObject({ version: 1 });
  expect(clock.slept).toEqual([100, 200, 400]);
});

test("a registry that stays down is MR_REGISTRY to be tried again, with the reason", async () => {
  const { fake, registry } = open(undefined, { attemptsMax: 2 });
  const refused = new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
  fake.failures.push(refused, refused);
  await expect(registry.byId(1, signal)).rejects.toMatchObject({
    code: "MR_REGISTRY",
    disposition: "retry",
    message: "asking the registry, GET http://registry.test:8081/schemas/ids/1: connect ECONNREFUSED",
  });
});

test("a page of HTML with status 200 is no answer", async () => {
  const { fake, registry } = open(undefined, { attemptsMax: 1 });
  fake.failures.push(new Response("<html>"));
  await expect(registry.byId(1, signal)).rejects.toMatchObject({ disposition: "retry" });
});

test.each([400, 401, 403])("status %d is not tried again and halts", async (status) => {
  const { fake, registry } = open();
  fake.failures.push(status);
  await expect(registry.latest("a-value", signal)).rejects.toMatchObject({ code: "MR_REGISTRY", disposition: "halt" });
  expect(fake.requests).toHaveLength(1);
});

test("a refused password is hinted at where it is one", async () => {
  const hint = async (status: number): Promise<boolean> => {
    const { fake, registry } = open();
    fake.failures.push(status);
    const error: unknown = await registry.latest("a-value", signal).catch((thrown: unknown) => thrown);
    return String(error).includes(`answered ${status} (check user and password): as told`);
  };
  expect([await hint(400), await hint(401), await hint(403)]).toEqual([false, true, true]);
});

test.each(['{"versions":[1]}', '[1,"2"]', "[1.5]", "7"])("%s is no list of versions", async (body) => {
  const { fake, registry } = open();
  fake.failures.push(new Response(body));
  await expect(registry.versions("a-value", signal)).rejects.toMatchObject({
    code: "MR_REGISTRY",
    message: "reading the versions of a-value: the answer is no list of numbers",
  });
});

test("404 counts by its status, whatever the body", async () => {
  const { fake, registry } = open();
  fake.failures.push(new Response('"Not Found"', { status: 404 }));
  expect(await registry.byId(1, signal)).toBeUndefined();
});

test("a look-up that the registry refuses is an error and not a schema that is missing", async () => {
  const { fake, registry } = open();
  fake.failures.push(422, 403);
  await expect(registry.lookUp("a-value", payment, signal)).rejects.toMatchObject({ code: "MR_SCHEMA" });
  await expect(registry.lookUp("a-value", payment, signal)).rejects.toMatchObject({ code: "MR_REGISTRY" });
  expect(fake.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(Array(2).fill("POST /subjects/a-value"));
});

test("an unknown id is asked again only after a while", async () => {
  const { clock, fake, registry } = open(undefined, { unknownMs: 1_000 });
  for (let i = 0; i < 5; i++) expect(await registry.byId(9, signal)).toBeUndefined();
  expect(fake.requests).toHaveLength(1);
  await clock.sleep(1_000);
  await registry.byId(9, signal);
  expect(fake.requests).toHaveLength(2);
});

test("an id that belongs to Protobuf is no Avro schema", async () => {
  const { fake, registry } = open();
  fake.failures.push(new Response(JSON.stringify({ schema: "message X {}", schemaType: "PROTOBUF" })));
  expect(await registry.byId(1, signal)).toBeUndefined();
});

test("credentials go into the header and into no message, also when they stand in the URL", async () => {
  const { fake, registry } = open(undefined, { url: "http://reader:s3cret@registry.test/base/", attemptsMax: 1 });
  fake.failures.push(401, new Error("reset"));
  const errors = await Promise.all([
    registry.byId(1, signal).catch((error: Error) => error.message),
    registry.byId(2, signal).catch((error: Error) => error.message),
  ]);
  expect(errors.join()).not.toContain("s3cret");
  expect(fake.requests[0]?.url).toBe("http://registry.test/base/schemas/ids/1");
  // base64 of reader:s3cret, by hand: "reader:s3cret" -> cmVhZGVyOnMzY3JldA==
  expect(fake.requests[0]?.headers.get("authorization")).toBe("Basic cmVhZGVyOnMzY3JldA==");
  expect(() => createHttpRegistry({ url: "user:s3cret@", clock: new SteppingClock() })).toThrow(/^(?!.*s3cret)/);
});

// Proxies that refuse a request quote it: what came back stood in the message, the log and the issue it was pasted into.
test.each<[string, string]>([
  ["the header", "no route for authorization: Basic cmVhZGVyOmh1bnRlciIy"],
  ["the header without its scheme", '{"authorization":"cmVhZGVyOmh1bnRlciIy"}'],
  ["somebody else's token", "upstream said Bearer eyJhbGciOi.eyJzdWIi.c2ln and left"],
  ["an address with the account in it", "cannot reach http://reader:hunter%222@registry.test/base"],
  ["an address of another account", "try https://bob:eyJhbGciOi.eyJzdWIi.c2ln@other.test instead"],
  ["the password alone", 'user reader, password hunter"2'],
  ["the password at the cut", `${"x".repeat(995)}hunter"2`],
])("what a registry echoes of %s is in no message", async (_, message) => {
  const auth = { username: "reader", password: 'hunter"2' };
  const { fake, registry } = open(undefined, { auth, attemptsMax: 1 });
  const answers = [401, 409, 422].map((status) => Response.json({ message }, { status }));
  answers.push(Response.json({ message: { echo: [message] } }, { status: 403 }));
  fake.failures.push(...answers, new TypeError("fetch failed", { cause: new Error(message) }));
  const asked = [
    () => registry.byId(1, signal),
    () => registry.register("s", payment, signal),
    () => registry.lookUp("s", payment, signal),
    () => registry.latest("s", signal),
    () => registry.byId(2, signal),
  ];
  for (const ask of asked) {
    const said = await ask().then(String, (thrown: Error) => thrown.message);
    expect(said).toMatch(/registry|registering|asking|reading/);
    for (const secret of ["hunter", "cmVhZGVy", "eyJhbGciOi"]) expect(said).not.toContain(secret);
  }
});

test("what a registry says without a secret is said as it is", async () => {
  const { fake, registry } = open(undefined, { auth: { username: "reader", password: "hunter2" }, attemptsMax: 1 });
  fake.failures.push(Response.json({ message: "Basic authentication: subject a@b, http://host/x" }, { status: 403 }));
  await expect(registry.byId(1, signal)).rejects.toThrow(": Basic authentication: subject a@b, http://host/x");
});

test("an aborted caller gets its own reason, and nothing is tried again", async () => {
  const { fake, registry } = open();
  const reason = new Error("stopping");
  await expect(registry.byId(1, AbortSignal.abort(reason))).rejects.toBe(reason);
  expect(fake.requests).toHaveLength(1);
});

test("an address whose user cannot be decoded is refused without quoting it", () => {
  const broken = (): unknown => open(undefined, { url: "http://bob:hunter2%@registry.test" });
  expect(broken).toThrow(/^the registry's address holds a user or password with a stray % in it$/);
});
