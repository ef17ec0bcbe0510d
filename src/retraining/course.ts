/** How far a request has come, by the events that stand on the topic. */
import { isEnd, type RetrainingEvent, type RolloutSettings } from "../training/index.ts";
import type { ShadowSeen } from "./trained-model.ts";

export interface Course {
  readonly request: RetrainingEvent;
  /** Times that a training was begun for it. */
  readonly starts: number;
  /** The last of them. */
  readonly started: RetrainingEvent | undefined;
  /** What passed the gate. */
  readonly trained: RetrainingEvent | undefined;
  readonly isWaiting: boolean;
  readonly hasEnded: boolean;
}

/** The courses of requests, by their ids. */
export class Courses {
  readonly #courses = new Map<string, Course>();
  readonly #taken = new Set<string>();

  /** Takes an event; one that it has taken before is nothing. */
  take(event: RetrainingEvent): void {
    if (this.#taken.has(event.id)) return;
    this.#taken.add(event.id);
    // What the policy holds back was never asked for.
    if (event.by === "policy" && event.type !== "requested") return;
    const known = this.#courses.get(event.request);
    if (event.type === "requested") {
      if (known === undefined) this.#courses.set(event.request, beginning(event));
    } else if (known !== undefined && !known.hasEnded) this.#courses.set(event.request, after(known, event));
  }

  of(request: string): Course | undefined {
    return this.#courses.get(request);
  }

  /** Those that have not ended, in the order in which they were asked for. */
  get open(): readonly Course[] {
    return [...this.#courses.values()].filter(({ hasEnded }) => !hasEnded);
  }
}

function beginning(request: RetrainingEvent): Course {
  return { request, starts: 0, started: undefined, trained: undefined, isWaiting: false, hasEnded: false };
}

function after(course: Course, event: RetrainingEvent): Course {
  if (isEnd(event)) return { ...course, hasEnded: true };
  if (event.type === "started") return { ...course, starts: course.starts + 1, started: event };
  if (event.type === "trained") return { ...course, trained: event };
  return event.type === "waiting" ? { ...course, isWaiting: true } : course;
}

/** Whether a version has scored beside the champion for long enough, and often enough. */
export function isRolledOut({ shadow }: RolloutSettings, { records, spanMs }: ShadowSeen): boolean {
  return records >= shadow.recordsMin && spanMs >= shadow.forMs;
}

/** The version that what passed was compared with; undefined where none was in service. */
export function comparedWith({ started, trained }: Course): number | undefined {
  // What passed before `trained` said it has it at its beginning alone.
  return trained?.champion ?? started?.champion;
}
