import { type BaselineFieldRecord, type BaselineHeadRecord, isBaselineHead } from "./baseline-record.ts";

/** A baseline that is whole. */
export interface HeldBaseline {
  readonly id: string;
  /** Of the monitor when it was measured. */
  readonly version: string;
  /** Hash of what the topology asked for then; empty where that was not written down. */
  readonly asked: string;
  readonly fields: readonly BaselineFieldRecord[];
}

/** Baselines of a monitor that are kept: the one in service, the one before it, and one that is being written. */
const heldMax = 3;

/** The baselines of all monitors, as their topic tells them in its order. */
export class BaselineSet {
  readonly #heads = new Map<string, BaselineHeadRecord>();
  /** By monitor, id and field, in the order in which the ids were last named. */
  readonly #fields = new Map<string, Map<string, Map<string, BaselineFieldRecord>>>();

  take(record: BaselineFieldRecord | BaselineHeadRecord): void {
    const { monitor, id } = record;
    const ids = this.#fields.get(monitor) ?? new Map<string, Map<string, BaselineFieldRecord>>();
    this.#fields.set(monitor, ids);
    const held = ids.get(id) ?? new Map<string, BaselineFieldRecord>();
    ids.delete(id);
    ids.set(id, held);
    if (isBaselineHead(record)) this.#heads.set(monitor, record);
    else held.set(record.field, record);
    for (const oldest of ids.keys()) {
      if (ids.size <= heldMax) break;
      if (oldest !== this.#heads.get(monitor)?.id) ids.delete(oldest);
    }
  }

  /** The one in service; undefined until its head and all of its fields are there. */
  current(monitor: string): HeldBaseline | undefined {
    const head = this.#heads.get(monitor);
    const fields = head === undefined ? undefined : this.fieldsOf(monitor, head.id);
    if (head === undefined || fields === undefined) return undefined;
    return { id: head.id, version: head.version, asked: head.asked, fields };
  }

  /** The fields of a baseline, in service or lately so; undefined until all of them are there. */
  fieldsOf(monitor: string, id: string): readonly BaselineFieldRecord[] | undefined {
    const held = [...(this.#fields.get(monitor)?.get(id)?.values() ?? [])];
    const [first] = held;
    return first !== undefined && held.length >= first.fields ? held : undefined;
  }
}
