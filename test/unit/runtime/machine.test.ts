import fc from "fast-check";
import { expect, test } from "vitest";
import {
  advance,
  newTask,
  outcomeOf,
  type TaskAction,
  type TaskEvent,
  type TaskState,
  type TaskStateName,
  transitions,
} from "../../../src/runtime/machine.ts";
import type { Position } from "../../../src/runtime/position.ts";

/** An offset of the one input of a task, and how far a second one is, where that matters. */
const place = (offset: number, second?: number): Position =>
  new Map([["a-0", offset], ...(second === undefined ? [] : [["b-0", second] as const])]);
const offsetOf = (position: Position | undefined): number => position?.get("a-0") ?? -1;

const states: readonly TaskStateName[] = [
  "new",
  "fencing",
  "restoring",
  "running",
  "committing",
  "reopening",
  "closing",
  "closed",
];

const events: Readonly<Record<TaskEvent["kind"], TaskEvent>> = {
  open: { kind: "open" },
  opened: { kind: "opened", position: place(10) },
  restored: { kind: "restored" },
  advanced: { kind: "advanced", position: place(25) },
  chunkEnded: { kind: "chunkEnded" },
  committed: { kind: "committed" },
  failed: { kind: "failed" },
  retry: { kind: "retry" },
  lost: { kind: "lost" },
  fatal: { kind: "fatal" },
  drain: { kind: "drain" },
  closed: { kind: "closed" },
};

/** A task with a chunk in hand, offsets 10 to 20. */
const at = (name: TaskStateName): TaskState => ({
  name,
  committed: name === "new" ? undefined : place(10),
  position: name === "new" ? undefined : place(20),
  chunkEnd: name === "committing" ? place(20) : undefined,
  attempts: 0,
  isDraining: false,
});

/** Where each event leads and what is done; "-" cannot happen, "=" changes nothing. */
const table: Readonly<Record<TaskStateName, Readonly<Record<TaskEvent["kind"], string>>>> = {
  new: {
    open: "fencing: open",
    opened: "-",
    restored: "-",
    advanced: "-",
    chunkEnded: "-",
    committed: "-",
    failed: "-",
    retry: "-",
    lost: "closed:",
    fatal: "closed:",
    drain: "closed:",
    closed: "-",
  },
  fencing: {
    open: "-",
    opened: "restoring: settle restore",
    restored: "-",
    advanced: "-",
    chunkEnded: "-",
    committed: "-",
    failed: "reopening: backOff",
    retry: "-",
    lost: "closing: close",
    fatal: "closing: close",
    drain: "closing: close",
    closed: "-",
  },
  restoring: {
    open: "-",
    opened: "-",
    restored: "running: fetch",
    advanced: "-",
    chunkEnded: "-",
    committed: "-",
    failed: "reopening: backOff",
    retry: "-",
    lost: "closing: close",
    fatal: "closing: close",
    drain: "closing: close",
    closed: "-",
  },
  running: {
    open: "-",
    opened: "-",
    restored: "-",
    advanced: "running:",
    chunkEnded: "committing: commit",
    committed: "-",
    failed: "reopening: backOff",
    retry: "-",
    lost: "closing: close",
    fatal: "closing: close",
    drain: "committing: commit",
    closed: "-",
  },
  committing: {
    open: "-",
    opened: "-",
    restored: "-",
    advanced: "-",
    chunkEnded: "-",
    committed: "running: keep",
    failed: "reopening: backOff",
    retry: "-",
    lost: "closing: close",
    fatal: "closing: close",
    drain: "committing:",
    closed: "-",
  },
  reopening: {
    open: "-",
    opened: "-",
    restored: "-",
    advanced: "-",
    chunkEnded: "-",
    committed: "-",
    failed: "-",
    retry: "fencing: open",
    lost: "closing: close",
    fatal: "closing: close",
    drain: "closing: close",
    closed: "-",
  },
  closing: {
    open: "-",
    opened: "=",
    restored: "=",
    advanced: "=",
    chunkEnded: "=",
    committed: "=",
    failed: "=",
    retry: "=",
    lost: "=",
    fatal: "=",
    drain: "=",
    closed: "closed:",
  },
  closed: {
    open: "-",
    opened: "=",
    restored: "=",
    advanced: "=",
    chunkEnded: "=",
    committed: "=",
    failed: "=",
    retry: "=",
    lost: "=",
    fatal: "=",
    drain: "=",
    closed: "=",
  },
};

for (const state of states) {
  test(`every event in ${state} leads where the table says`, () => {
    for (const [kind, event] of Object.entries(events)) {
      const expected = table[state][kind as TaskEvent["kind"]];
      const before = at(state);
      if (expected === "-") {
        expect(() => advance(before, event), `${state} × ${kind}`).toThrow(`task event ${kind} in state ${state}`);
        continue;
      }
      const step = advance(before, event);
      const text = `${step.state.name}: ${step.actions.map((a) => a.kind).join(" ")}`.trim();
      expect(expected === "=" ? step : text, `${state} × ${kind}`).toEqual(
        expected === "=" ? { state: before, actions: [] } : expected,
      );
    }
  });
}

test("the table has a cell for each state and event", () => {
  expect(new Set(Object.keys(transitions))).toEqual(new Set(states));
  for (const row of Object.values(transitions)) expect(new Set(Object.keys(row))).toEqual(new Set(Object.keys(events)));
});

test("a chunk in hand is kept, undone or started anew by the offset that the reopened task answers", () => {
  const committing = at("committing");
  expect(outcomeOf(committing, place(20))).toBe("keep");
  expect(outcomeOf(committing, place(10))).toBe("undo");
  expect(outcomeOf(committing, place(15))).toBe("anew");
  expect(outcomeOf(committing, place(30))).toBe("anew");
});

test("after a failed write the end of the chunk is nobody's own offset, so it starts anew there", () => {
  const running = at("running");
  expect(outcomeOf(running, place(10))).toBe("undo");
  expect(outcomeOf(running, place(20))).toBe("anew");
});

test("a reopening that itself is not answered keeps the chunk in hand for the one after it", () => {
  let state = advance(at("committing"), events.failed).state;
  state = advance(state, events.retry).state;
  state = advance(state, events.failed).state;
  expect(state.attempts).toBe(2);
  state = advance(state, events.retry).state;
  expect(advance(state, { kind: "opened", position: place(20) }).actions[0]).toEqual({
    kind: "settle",
    outcome: "keep",
  });
});

test("a position over several inputs is the same when all of them are, whatever their order, and else another", () => {
  const state: TaskState = {
    ...at("committing"),
    committed: place(10, 3),
    position: place(20, 3),
    chunkEnd: place(20, 3),
  };
  const turned = new Map([...place(20, 3)].reverse());
  expect(outcomeOf(state, turned)).toBe("keep");
  expect(outcomeOf(state, place(10, 3))).toBe("undo");
  expect(outcomeOf(state, place(10, 4))).toBe("anew");
  expect(outcomeOf(state, place(20))).toBe("anew");
  // One input has moved, the other has not: that is a chunk in hand.
  const running: TaskState = { ...state, name: "running", position: place(10, 4), chunkEnd: undefined };
  expect(advance(running, events.chunkEnded).actions).toEqual([{ kind: "commit", position: place(10, 4) }]);
  expect(advance({ ...running, position: place(10, 3) }, events.chunkEnded).actions).toEqual([]);
});

test("attempts count reopenings in a row: a commit that went well begins them anew", () => {
  const tried = { ...at("committing"), attempts: 3 };
  const kept = advance(tried, events.committed).state;
  expect(kept.attempts).toBe(0);
  const chunk = advance(kept, events.advanced).state;
  expect(advance(chunk, events.failed).actions).toEqual([{ kind: "backOff", attempt: 1 }]);
});

test("without a chunk in hand neither the end of a chunk nor a drain commits", () => {
  const idle = { ...at("running"), position: place(10) };
  expect(advance(idle, events.chunkEnded)).toEqual({ state: idle, actions: [] });
  expect(advance(idle, events.drain).actions).toEqual([{ kind: "close" }]);
});

test("a drain that meets a commit under way closes after it", () => {
  const draining = advance(at("committing"), events.drain).state;
  const step = advance(draining, events.committed);
  expect([step.state.name, ...step.actions.map((a) => a.kind)]).toEqual(["closing", "keep", "close"]);
  expect(advance(draining, events.failed).state.name).toBe("closing");
});

/** A broker that commits, loses answers and hands the partition to others, beside the machine. */
class Model {
  state: TaskState = newTask;
  /** What the group has really committed. */
  groupOffset = 0;
  /** End of the commit whose answer is due. */
  commitAsked = -1;
  /** Offsets whose changes the stores hold: everything from `storesFrom` to `storesTo`. */
  storesFrom = 0;
  storesTo = 0;
  keptTo = 0;
  others = false;

  send(event: TaskEvent): void {
    const step = advance(this.state, event);
    this.state = step.state;
    for (const action of step.actions) this.#perform(action);
  }

  #perform(action: TaskAction): void {
    if (action.kind === "commit") this.commitAsked = offsetOf(action.position);
    if (action.kind === "keep") this.keptTo = this.storesTo;
    if (action.kind === "close") this.storesTo = this.keptTo;
    if (action.kind !== "settle") return;
    if (action.outcome === "keep") this.keptTo = this.storesTo;
    if (action.outcome === "undo") this.storesTo = this.keptTo;
    if (action.outcome === "none" || action.outcome === "anew") {
      this.storesFrom = this.groupOffset;
      this.storesTo = this.groupOffset;
      this.keptTo = this.groupOffset;
    }
  }
}

test("R2: whatever fails and whoever commits, the stores hold exactly what was computed up to the position", () => {
  const choice = fc.record({ pick: fc.nat(9), size: fc.integer({ min: 1, max: 5 }) });
  fc.assert(
    fc.property(fc.array(choice, { maxLength: 60 }), (choices) => {
      const model = new Model();
      model.send({ kind: "open" });
      for (const { pick, size } of choices) {
        model.send(nextEvent(model, pick, size));
        const { state } = model;
        if (state.name === "running" || state.name === "committing") {
          // R1 and R2: nothing committed by this task is beyond what it computed, and the stores end at the position.
          expect(model.storesTo).toBe(offsetOf(state.position));
          expect(model.keptTo).toBe(offsetOf(state.committed));
        }
        if (state.name === "closed") return;
      }
    }),
    { numRuns: 2_000 },
  );
});

/** What the world does next, by chance. */
function nextEvent(model: Model, pick: number, size: number): TaskEvent {
  const { state } = model;
  switch (state.name) {
    case "fencing":
      if (pick === 0) return { kind: "failed" };
      return { kind: "opened", position: place(model.groupOffset) };
    case "restoring":
      return { kind: pick === 0 ? "failed" : "restored" };
    case "running":
      if (pick === 0) return { kind: "failed" };
      if (pick === 1) return { kind: "lost" };
      if (pick === 2) return { kind: "drain" };
      if (pick < 5) return { kind: "chunkEnded" };
      model.storesTo += size;
      return { kind: "advanced", position: place(offsetOf(state.position) + size) };
    case "committing":
      // The commit lands or not, and its answer comes or not.
      if (pick % 2 === 0) model.groupOffset = model.commitAsked;
      if (pick === 0) model.groupOffset += size; // another owner went on from there
      return { kind: pick % 2 === 0 && pick > 4 ? "committed" : "failed" };
    case "reopening":
      return { kind: "retry" };
    default:
      return { kind: "closed" };
  }
}
