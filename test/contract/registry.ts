import { expect, test } from "vitest";
import { normalSchemaText, type SchemaRegistry } from "../../src/schema/index.ts";

const signal = new AbortController().signal;

function schema(...fields: unknown[]): unknown {
  return { type: "record", name: "Payment", namespace: "shop", doc: "A payment.", fields };
}

const first = schema({ name: "id", type: "string" });
const second = schema({ name: "id", type: "string" }, { name: "amount", type: ["null", "double"], default: null });

/** What every registry promises, whatever it keeps its schemas in. `open` gives an empty one. */
export function registryContract(open: () => Promise<SchemaRegistry> | SchemaRegistry): void {
  test("an unknown id or subject is undefined", async () => {
    const registry = await open();
    expect(await registry.byId(7, signal)).toBeUndefined();
    expect(await registry.latest("payments-value", signal)).toBeUndefined();
  });

  test("a registered schema is found by its id and as the latest of its subject", async () => {
    const registry = await open();
    const registered = await registry.register("payments-value", first, signal);
    expect(registered).toMatchObject({ version: 1, subject: "payments-value" });
    const byId = await registry.byId(registered.id, signal);
    expect(byId?.id).toBe(registered.id);
    expect(normalSchemaText(JSON.parse(byId?.text ?? "null"))).toBe(normalSchemaText(first));
    expect(await registry.latest("payments-value", signal)).toMatchObject({ id: registered.id, version: 1 });
  });

  test("registering again answers the same id and version, whatever the order of attributes", async () => {
    const registry = await open();
    const { id } = await registry.register("payments-value", first, signal);
    const again = await registry.register("payments-value", { ...(first as object), name: "Payment" }, signal);
    const entries = Object.entries(first as object);
    const reordered = await registry.register("payments-value", Object.fromEntries(entries.reverse()), signal);
    expect([again, reordered].map((entry) => [entry.id, entry.version])).toEqual([
      [id, 1],
      [id, 1],
    ]);
  });

  test("a changed schema is the next version with another id; the old id keeps its meaning", async () => {
    const registry = await open();
    const one = await registry.register("payments-value", first, signal);
    const two = await registry.register("payments-value", second, signal);
    expect(two.version).toBe(2);
    expect(two.id).not.toBe(one.id);
    expect(await registry.latest("payments-value", signal)).toMatchObject({ id: two.id, version: 2 });
    expect(JSON.parse((await registry.byId(one.id, signal))?.text ?? "null")).toHaveProperty("fields.length", 1);
  });

  test("the versions of a subject are all there, oldest first, and none of another subject", async () => {
    const registry = await open();
    expect(await registry.versions("payments-value", signal)).toEqual([]);
    const one = await registry.register("payments-value", first, signal);
    const two = await registry.register("payments-value", second, signal);
    await registry.register("refunds-value", second, signal);
    const versions = await registry.versions("payments-value", signal);
    expect(versions.map(({ id, version, subject }) => [id, version, subject])).toEqual([
      [one.id, 1, "payments-value"],
      [two.id, 2, "payments-value"],
    ]);
    expect(versions.map(({ text }) => normalSchemaText(JSON.parse(text)))).toEqual(
      [first, second].map(normalSchemaText),
    );
  });

  test("a schema is looked up under its subject whatever its version, by its meaning and not its text", async () => {
    const registry = await open();
    const one = await registry.register("payments-value", first, signal);
    const two = await registry.register("payments-value", second, signal);
    const reordered = Object.fromEntries(Object.entries(first as object).reverse());
    expect(await registry.lookUp("payments-value", reordered, signal)).toMatchObject({
      id: one.id,
      version: 1,
      subject: "payments-value",
    });
    expect(await registry.lookUp("payments-value", second, signal)).toMatchObject({ id: two.id, version: 2 });
  });

  test("a schema that a subject does not have is not found there, and looking it up registers nothing", async () => {
    const registry = await open();
    expect(await registry.lookUp("payments-value", first, signal)).toBeUndefined();
    await registry.register("payments-value", first, signal);
    expect(await registry.lookUp("payments-value", second, signal)).toBeUndefined();
    expect(await registry.lookUp("refunds-value", first, signal)).toBeUndefined();
    expect(await registry.latest("payments-value", signal)).toMatchObject({ version: 1 });
  });

  test("going back to an older schema answers its version, and the newest stays the newest", async () => {
    const registry = await open();
    const one = await registry.register("payments-value", first, signal);
    await registry.register("payments-value", second, signal);
    expect(await registry.register("payments-value", first, signal)).toMatchObject({ id: one.id, version: 1 });
    expect(await registry.latest("payments-value", signal)).toMatchObject({ version: 2 });
    expect(await registry.lookUp("payments-value", first, signal)).toMatchObject({ id: one.id, version: 1 });
  });

  test("a schema that differs only in its doc is a version of its own", async () => {
    const registry = await open();
    await registry.register("payments-value", first, signal);
    const changed = { ...(first as object), doc: "Money." };
    expect(await registry.register("payments-value", changed, signal)).toMatchObject({ version: 2 });
  });

  test("the same text under two subjects has one id", async () => {
    const registry = await open();
    const one = await registry.register("payments-value", first, signal);
    const other = await registry.register("refunds-value", first, signal);
    expect(other).toMatchObject({ id: one.id, version: 1, subject: "refunds-value" });
  });

  test("a schema that cannot read its predecessor is refused, and nothing is registered", async () => {
    const registry = await open();
    await registry.register("payments-value", first, signal);
    const breaking = schema({ name: "id", type: "int" });
    await expect(registry.register("payments-value", breaking, signal)).rejects.toMatchObject({
      code: "MR_SCHEMA_INCOMPATIBLE",
    });
    expect(await registry.latest("payments-value", signal)).toMatchObject({ version: 1 });
  });

  test("what is no schema is refused", async () => {
    const registry = await open();
    const bad = schema({ name: "id", type: "strng" });
    await expect(registry.register("payments-value", bad, signal)).rejects.toMatchObject({ code: "MR_SCHEMA" });
  });

  test("registrations at once give one id to one schema and versions without gaps to different ones", async () => {
    const registry = await open();
    const same = await Promise.all(Array.from({ length: 8 }, () => registry.register("payments-value", first, signal)));
    expect(new Set(same.map((entry) => entry.id)).size).toBe(1);
    const docs = Array.from({ length: 8 }, (_, i) => ({ ...(first as object), doc: `Doc ${i}.` }));
    const different = await Promise.all(docs.map((doc) => registry.register("payments-value", doc, signal)));
    expect(different.map((entry) => entry.version).sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(different.map((entry) => entry.id)).size).toBe(8);
  });

  test("subjects with odd characters stay apart", async () => {
    const registry = await open();
    await registry.register("a/b c:d-value", first, signal);
    expect(await registry.latest("a/b c:d-value", signal)).toMatchObject({ version: 1 });
    expect(await registry.latest("a-value", signal)).toBeUndefined();
  });
}
