import { expect, test } from "vitest";
import { z } from "zod";
import { seededRng } from "../../../src/kernel/index.ts";
import { stepCatalogue, stepNamed, stepNamesLater } from "../../../src/step/index.ts";
import { lower, payment, start } from "./lowering.ts";

const kinds = Object.keys(stepCatalogue);
/** What reads foreign events belongs to ingest stages. */
const optionsOf = (kind: string) => ({ ingest: kind === "extract" });

test.each(kinds)("%s bears its own name, and one that is not announced for later", (kind) => {
  expect(stepNamed(kind)?.kind).toBe(kind);
  expect(stepNamesLater).not.toContain(kind);
});

test.each(kinds)("the example of %s is a valid config and lowers without a problem", (kind) => {
  expect(lower([[kind, stepNamed(kind)?.example]], optionsOf(kind)).problems).toEqual([]);
});

test.each(kinds)("%s lowers equally twice", (kind) => {
  const once = lower([[kind, stepNamed(kind)?.example]], optionsOf(kind));
  const twice = lower([[kind, stepNamed(kind)?.example]], optionsOf(kind));
  expect(JSON.stringify(twice)).toBe(JSON.stringify(once));
});

test.each(kinds)("%s gives the same answers to the same records, also after an undo", (kind) => {
  const steps = [[kind, stepNamed(kind)?.example]] as const;
  const rng = seededRng(3);
  const rows = Array.from({ length: 200 }, (_, i) =>
    payment(i + rng.below(30), {
      payment_id: `p${rng.below(50)}`,
      customer_id: `c${rng.below(3)}`,
      amount: rng.uniform() < 0.1 ? null : rng.normal() * 100,
    }),
  );
  const straight = start(steps, optionsOf(kind));
  const disturbed = start(steps, optionsOf(kind));
  for (let i = 0; i < rows.length; i++) {
    if (i % 40 === 20) {
      straight.keep();
      disturbed.keep();
      // A chunk that is computed, fails, and is computed again.
      for (const [j, row] of rows.slice(i, i + 20).entries()) disturbed.run(row, i + j);
      disturbed.undo();
    }
    expect(disturbed.run(rows[i]!, i)).toEqual(straight.run(rows[i]!, i));
  }
});

test.each(kinds)("every key of %s is described for the reference page", (kind) => {
  const schema = z.toJSONSchema(stepNamed(kind)!.config, { io: "input" });
  const undescribed: string[] = [];
  const visit = (at: string, node: z.core.JSONSchema.BaseSchema): void => {
    if (node.description === undefined && at !== "") undescribed.push(at);
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      if (typeof child === "object") visit(`${at}.${key}`, child);
    }
  };
  visit("", schema);
  expect(undescribed).toEqual([]);
  expect(stepNamed(kind)?.summary).toMatch(/\.$/);
});

test("does not know a step that is in no catalogue", () => {
  expect(stepNamed("lookup")).toBeUndefined();
  expect(stepNamed("toString")).toBeUndefined();
  expect(stepNamesLater).toContain("lookup");
});
