import { expect, test } from "vitest";
import { cachedRegistry, type RegisteredSchema, type SchemaRegistry } from "../../../src/schema/index.ts";

const signal = new AbortController().signal;

function counting(): SchemaRegistry & { readonly asked: string[] } {
  const asked: string[] = [];
  const schema = (id: number, subject: string): RegisteredSchema => ({ id, version: 1, subject, text: "{}" });
  return {
    asked,
    byId: async (id) => {
      asked.push(`id ${id}`);
      return id === 0 ? undefined : schema(id, "");
    },
    latest: async (subject) => {
      asked.push(subject);
      return schema(5, subject);
    },
    versions: async (subject) => {
      asked.push(`${subject}*`);
      return [schema(8, subject), schema(9, subject)];
    },
    lookUp: async (subject) => {
      asked.push(`${subject}?`);
      return subject === "none" ? undefined : schema(7, subject);
    },
    register: async (subject) => schema(6, subject),
  };
}

test("an id is asked once, a subject every time, and what either brought is kept", async () => {
  const registry = counting();
  const cached = cachedRegistry(registry);
  for (let i = 0; i < 3; i++) expect(await cached.byId(1, signal)).toMatchObject({ id: 1 });
  await cached.latest("a-value", signal);
  await cached.latest("a-value", signal);
  await cached.register("a-value", {}, signal);
  await cached.byId(5, signal);
  await cached.byId(6, signal);
  expect(registry.asked).toEqual(["id 1", "a-value", "a-value"]);
});

test("the versions of a subject are asked for every time, and kept by their ids", async () => {
  const registry = counting();
  const cached = cachedRegistry(registry);
  for (let i = 0; i < 2; i++) expect((await cached.versions("a-value", signal)).map(({ id }) => id)).toEqual([8, 9]);
  for (const id of [8, 9]) await cached.byId(id, signal);
  expect(registry.asked).toEqual(["a-value*", "a-value*"]);
});

test("a look-up asks every time, and what it brought is kept by its id", async () => {
  const registry = counting();
  const cached = cachedRegistry(registry);
  for (let i = 0; i < 2; i++) expect(await cached.lookUp("a-value", {}, signal)).toMatchObject({ id: 7 });
  expect(await cached.lookUp("none", {}, signal)).toBeUndefined();
  await cached.byId(7, signal);
  expect(registry.asked).toEqual(["a-value?", "a-value?", "none?"]);
});

test("not found is asked again", async () => {
  const registry = counting();
  const cached = cachedRegistry(registry);
  for (let i = 0; i < 2; i++) expect(await cached.byId(0, signal)).toBeUndefined();
  expect(registry.asked).toHaveLength(2);
});

test("over its limit the id not used for longest is forgotten", async () => {
  const registry = counting();
  const cached = cachedRegistry(registry, 2);
  for (const id of [1, 2, 1, 3, 1, 2]) await cached.byId(id, signal);
  expect(registry.asked).toEqual(["id 1", "id 2", "id 3", "id 2"]);
});
