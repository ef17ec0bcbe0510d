/**
 * Which version a task scores with: an alias, followed so that every offset of the input has one version for good (R6).
 *
 * A version that the alias has moved to is **adopted ahead**: between two chunks the task commits the adoption, and only then
 * scores with it. Whoever reads the same offsets again finds the adoptions and serves what they say. So nothing may be
 * adopted anew at an offset behind which somebody may have scored already:
 *
 * - one before the last adoption is served as it was;
 * - at least once, what was scored behind the committed offset may be seen although nobody has committed it; and where
 *   somebody has set the offset back it was seen in any delivery. How far that went nobody knows, but it was no further
 *   than the input reached when the task was opened: up to there the version stays.
 */
import { AssertionError, type EpochMs, type Offset } from "../../kernel/index.ts";
import { type Adoption, adoptionKey, encodeAdoption } from "../../model/index.ts";
import type { Outlet } from "../outbox.ts";
import { OutputBatches, type OutputTopic } from "../output-batches.ts";
import type { ServedModel } from "../served-model.ts";
import type { AdoptionLog } from "./adoption-log.ts";
import type { StageModel } from "./stage-model.ts";
import type { TaskShadow } from "./task-shadow.ts";
import type { VersionDue } from "./version-due.ts";
import { VersionHistory } from "./version-history.ts";

/** The topic has one partition: its records have one order. */
const adoptionsPartition = 0;

/** What a task of a stage that infers needs beside the stage. */
export interface StageAdoption {
  readonly topic: OutputTopic;
  /** Registry id of the schema of an adoption. */
  readonly schemaId: number;
  readonly log: AdoptionLog;
  readonly model: StageModel;
  /** The version that scores beside it; undefined where none ever does. */
  readonly challenger: StageModel | undefined;
  /** Where the log of an input partition ends now, records of open transactions included. */
  inputEnd(partition: number, signal: AbortSignal): Promise<Offset>;
}

export class TaskModel {
  readonly outlet: Outlet;
  readonly #batches: OutputBatches;
  readonly #stage: StageAdoption;
  readonly #place: Pick<Adoption, "stage" | "topic" | "partition" | "model" | "alias">;
  #history = new VersionHistory();
  #freeFrom: Offset = Number.POSITIVE_INFINITY;
  /** Served now; undefined before the first. */
  #version: number | undefined;
  /** Where another version than the one in service is written down. */
  #servedTo: Offset = Number.NEGATIVE_INFINITY;
  /** What scores beside it; undefined where nothing ever does. */
  readonly shadow: TaskShadow | undefined;

  constructor(
    stage: StageAdoption,
    place: Pick<Adoption, "stage" | "topic" | "partition" | "model" | "alias">,
    shadow?: TaskShadow,
  ) {
    this.#stage = stage;
    this.#place = place;
    this.shadow = shadow;
    // Seen with the offset or never: an adoption that nobody owns would change what others have scored.
    this.#batches = new OutputBatches(stage.topic, "changelog", undefined);
    this.outlet = { batches: this.#batches, onRefusal: "halt" };
  }

  /**
   * The task was opened here, by itself again or after others: learns what was adopted, and where the alias points.
   *
   * @param isOwnCommit nobody has scored anything behind the offset that anybody can have seen
   * @throws what the cluster answers; OperationError MR_STATE_CORRUPT; the signal's reason
   */
  async opened(offset: Offset, isOwnCommit: boolean, signal: AbortSignal): Promise<void> {
    const { log, model, inputEnd } = this.#stage;
    await log.catchUp(signal);
    // Who was here before has perhaps seen more of the alias: going back to what it pointed at before is no move of it.
    await model.catchUp(signal);
    this.#history = new VersionHistory(log.of(adoptionKey(this.#place)));
    const seenTo = isOwnCommit ? offset : await inputEnd(this.#place.partition, signal);
    this.#freeFrom = Math.max(this.#history.lastFrom, seenTo);
    this.#version = undefined;
    this.#servedTo = Number.NEGATIVE_INFINITY;
    this.shadow?.opened(log, seenTo);
  }

  /** Name of the model. */
  get model(): string {
    return this.#place.model;
  }

  /** Where the chunk in hand has to end, for another version scores from there on, or may. */
  get servedTo(): Offset {
    return this.shadow === undefined ? this.#servedTo : Math.min(this.#servedTo, this.shadow.servedTo);
  }

  /** What is to be done first, between two chunks; undefined when the record at this offset can be scored. */
  dueAt(offset: Offset): VersionDue | undefined {
    const known = this.#history.at(offset);
    const newest = this.#stage.model.newest;
    if (known === undefined || (offset >= this.#freeFrom && newest !== undefined && newest.served.version !== known)) {
      const chosen = newest ?? this.#stage.model.lastOpened;
      if (chosen === undefined) throw new AssertionError("a task was opened before there was a version");
      const { served, incident = null } = chosen;
      const { version } = served;
      const place = { ...this.#place, version, share: 1, salt: "", fromOffset: offset };
      return { kind: "adopt", adoption: { ...place, atMs: 0, incident }, served };
    }
    if (known !== this.#version || offset >= this.#servedTo) return { kind: "serve", version: known };
    return this.shadow?.dueAt(offset, known);
  }

  /** Gives an adoption to the outlet; it counts once it is committed. */
  write(adoption: Adoption, nowMs: EpochMs): void {
    const value = encodeAdoption({ ...adoption, atMs: nowMs }, this.#stage.schemaId);
    this.#batches.appendEntry(adoptionsPartition, nowMs, Buffer.from(adoptionKey(adoption)), value);
  }

  /** It is committed. */
  adopted({ fromOffset, version }: Adoption): void {
    this.#history.add({ fromOffset, version });
    this.#freeFrom = Math.max(this.#freeFrom === Number.POSITIVE_INFINITY ? fromOffset : this.#freeFrom, fromOffset);
  }

  /**
   * A version that was written down, opened where it is not yet.
   * @throws OperationError MR_MODEL_MISSING when the models directory has it no more
   */
  versionOf(version: number, signal: AbortSignal): Promise<ServedModel> {
    return this.#stage.model.version(version, signal);
  }

  /** The version scores from this offset on. */
  serves(version: number, offset: Offset): void {
    this.#version = version;
    this.#servedTo = this.#history.nextAfter(offset);
  }
}
