/**
 * Which challenger scores beside a task's version, and from which offset to which: adopted ahead at a chunk's boundary as
 * the version is, so that who reads the same offsets again writes the same scores.
 *
 * It ends as it began, by a record: one with no share says that from its offset on the challenger scores no more. A task ends
 * it by itself when the challenger has failed, and never begins with that version again. One that cannot be opened ends
 * without having begun, by such a record with the reason. What fails here never concerns the version in service.
 */
import { type Clock, cutOff, messageOf, type Offset, OperationError } from "../../kernel/index.ts";
import { type Adoption, adoptionKey } from "../../model/index.ts";
import type { ShadowScorer } from "../shadow-scorer.ts";
import type { AdoptionLog } from "./adoption-log.ts";
import type { RefusedVersion, StageModel } from "./stage-model.ts";
import type { VersionDue } from "./version-due.ts";
import { VersionHistory } from "./version-history.ts";

/** How long a task waits for a challenger that was adopted before to open; its own version waits with it. */
const openMsMax = 10_000;
/** In place of a version: none. */
const none = 0;

export interface TaskShadowOptions {
  readonly challenger: Pick<StageModel, "wanted" | "newest" | "refused" | "version">;
  readonly scorer: ShadowScorer;
  readonly place: Pick<Adoption, "stage" | "topic" | "partition" | "model" | "alias">;
  readonly clock: Clock;
}

export class TaskShadow {
  readonly #options: TaskShadowOptions;
  #history = new VersionHistory();
  /** Versions that have scored and do so no more. */
  #over = new Set<number>();
  #freeFrom: Offset = Number.POSITIVE_INFINITY;
  #version = none;
  #servedTo: Offset = Number.NEGATIVE_INFINITY;

  constructor(options: TaskShadowOptions) {
    this.#options = options;
  }

  /** The task was opened; the log was read. @param seenTo up to where somebody may have scored already */
  opened(log: Pick<AdoptionLog, "of">, seenTo: Offset): void {
    this.#history = new VersionHistory();
    this.#over = new Set();
    for (const adoption of log.of(adoptionKey(this.#options.place))) this.#take(adoption);
    this.#freeFrom = Math.max(this.#history.lastFrom, seenTo);
    this.#version = none;
    this.#servedTo = Number.NEGATIVE_INFINITY;
    this.#options.scorer.serve(undefined);
  }

  /** Where the chunk in hand has to end, for another challenger scores from there on, or none. */
  get servedTo(): Offset {
    return this.#servedTo;
  }

  /** What is to be done first, between two chunks. @param champion the version that scores this offset */
  dueAt(offset: Offset, champion: number): VersionDue | undefined {
    const known = this.#history.at(offset) ?? none;
    const wanted = offset >= this.#freeFrom ? this.#wanted(known, champion) : known;
    if (wanted !== known) {
      const { place, challenger } = this.#options;
      const [version, share] = wanted === none ? [known, 0] : [wanted, 1];
      const incident = challenger.newest?.incident ?? null;
      const adoption = { ...place, version, share, salt: "", fromOffset: offset, atMs: 0, incident };
      return { kind: "shadow", version: wanted, adoption };
    }
    const refused = known === none && offset >= this.#freeFrom ? this.#refusal(champion) : undefined;
    if (refused !== undefined) {
      const { version, reason } = refused;
      const rest = { share: 0, salt: "", fromOffset: offset, atMs: 0, incident: null, reason };
      return { kind: "shadow", version: none, adoption: { ...this.#options.place, version, ...rest } };
    }
    if (known === this.#version && offset < this.#servedTo) return undefined;
    return { kind: "shadow", version: known, adoption: undefined };
  }

  /** It is committed. */
  adopted(adoption: Adoption): void {
    this.#take(adoption);
    this.#freeFrom = Math.max(this.#freeFrom, adoption.fromOffset);
  }

  /** The version scores from this offset on, opened where it is not yet; one that cannot be opened has failed. */
  async serve(version: number, offset: Offset, signal: AbortSignal): Promise<void> {
    const { challenger, scorer, clock } = this.#options;
    const late = (): OperationError =>
      new OperationError("MR_MODEL", `opening it took more than ${openMsMax / 1_000} s`, { disposition: "retry" });
    try {
      const limit = { clock, afterMs: openMsMax, late };
      // One that has failed is not begun with again where its end could not be written yet.
      const isOut = version === none || version === scorer.failed;
      scorer.serve(isOut ? undefined : await cutOff(challenger.version(version, signal), limit, signal));
    } catch (thrown) {
      signal.throwIfAborted();
      scorer.fail(version, offset, messageOf(thrown));
    }
    this.#version = version;
    this.#servedTo = this.#history.nextAfter(offset);
  }

  /** A challenger that cannot be opened, and of which this was not written down yet. */
  #refusal(champion: number): RefusedVersion | undefined {
    const { refused, wanted } = this.#options.challenger;
    const isWanted = refused !== undefined && refused.version === wanted && wanted !== champion;
    return isWanted && !this.#over.has(refused.version) ? refused : undefined;
  }

  #take({ fromOffset, version, share }: Adoption): void {
    if (share === 0) this.#over.add(version);
    this.#history.add({ fromOffset, version: share === 0 ? none : version });
  }

  #wanted(known: number, champion: number): number {
    const { challenger, scorer } = this.#options;
    const { wanted } = challenger;
    if (wanted === undefined || wanted === champion || (known !== none && known === scorer.failed)) return none;
    if (wanted === known) return known;
    return challenger.newest?.served.version === wanted && !this.#over.has(wanted) ? wanted : none;
  }
}
