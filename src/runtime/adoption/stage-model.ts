import {
  BackOff,
  type Clock,
  codeOf,
  cutOff,
  type Facts,
  messageOf,
  OperationError,
  silentAfterMs,
} from "../../kernel/index.ts";
import type { ModelInput } from "../../model/index.ts";
import type { Alias } from "../control/aliases.ts";
import {
  checkSignature,
  type FollowedModels,
  type LoadListener,
  type ModelSource,
  type ServedModel,
} from "../served-model.ts";

/** A version that could not be opened may be there a moment later, when its folder has come to this machine. */
const openPauses = { firstMs: 1_000, lastMs: 60_000 };
/** How long a version is tried to be opened before that is said to whoever waits for it; it is tried on. */
const refusedAfterMs = 60_000;
/** Longest reason that is handed on, in characters. */
const reasonMax = 500;
/** Versions that are kept open beside those in use: a task that comes back may need one again. */
const openMax = 8;

export interface StageModelOptions {
  readonly model: string;
  readonly alias: string;
  /** What the stage has for it. */
  readonly inputs: readonly ModelInput[];
  readonly models: ModelSource & { readonly followed: FollowedModels };
  /** The version that some task of the stage has adopted last under this alias; undefined when none has. Asked where it begins with a version that cannot be served. */
  readonly adoptedLast: (signal: AbortSignal) => Promise<number | undefined>;
  readonly clock: Clock;
  readonly facts: Facts;
  /** Called when another version can be adopted. */
  readonly moved: () => void;
  /** The stage stops. */
  readonly signal: AbortSignal;
}

/** A version that an alias points at, ready to score. */
export interface NewestVersion {
  readonly served: ServedModel;
  /** Incident that the alias was moved for. */
  readonly incident: string | undefined;
}

/** A version that could not be opened, whatever was tried. */
export interface RefusedVersion {
  readonly version: number;
  /** Code and sentence. */
  readonly reason: string;
}

/**
 * The model of a stage in one process: follows the alias, and opens the versions that it points at beside the tasks, which
 * go on with what they have. A version that cannot be opened or does not fit is said, and is no version to adopt.
 */
export class StageModel {
  readonly #options: StageModelOptions;
  readonly #open = new Map<number, Promise<ServedModel>>();
  /** Where the alias points, as far as is known here. */
  #wanted: Alias | undefined;
  #newest: NewestVersion | undefined;
  #refused: RefusedVersion | undefined;
  #opening: AbortController | undefined;

  constructor(options: StageModelOptions) {
    this.#options = options;
  }

  /** The version that the alias points at; undefined while it is not open. */
  get newest(): NewestVersion | undefined {
    const isWanted = this.#newest?.served.version === this.#wanted?.version;
    return isWanted ? this.#newest : undefined;
  }

  /** Where the alias points, opened or not; undefined where it does not exist. */
  get wanted(): number | undefined {
    return this.#wanted?.version;
  }

  /** The version that the alias points at, where it could not be opened for a minute. */
  get refused(): RefusedVersion | undefined {
    return this.#refused;
  }

  /** The version that the alias pointed at last and that could be opened. */
  get lastOpened(): NewestVersion | undefined {
    return this.#newest;
  }

  /**
   * Waits for the alias and opens its version, and follows it from then on. Where that version cannot be served and tasks
   * have adopted another before, they go on with that one.
   *
   * @throws OperationError MR_MODEL, MR_MODEL_MISSING when there is nothing to serve; the signal's reason
   */
  async begin(listener: LoadListener): Promise<ServedModel> {
    const { model, alias, models, signal, adoptedLast } = this.#options;
    await models.followed.exists(model, alias, signal, listener);
    const wanted = models.followed.now(model, alias);
    this.#wanted = wanted;
    let served: ServedModel;
    try {
      served = await this.version(wanted?.version ?? 0, signal, listener);
      this.#newest = { served, incident: wanted?.incident };
    } catch (thrown) {
      signal.throwIfAborted();
      const adopted = await adoptedLast(signal);
      if (adopted === undefined || adopted === wanted?.version) throw thrown;
      this.#sayRefused(wanted?.version ?? 0, thrown);
      served = await this.version(adopted, signal, listener);
      this.#newest = { served, incident: undefined };
      if (wanted !== undefined) void this.#openBeside(wanted);
    }
    // What serves goes on serving where its alias is taken away.
    models.followed.onMoved(model, alias, (moved) => moved && this.#moved(moved), signal);
    return served;
  }

  /** Follows an alias that need not exist and may end: nothing waits for it. */
  followBeside(): void {
    const { model, alias, models, signal, moved } = this.#options;
    const follow = (to: Alias | undefined): void => {
      if (to === undefined) this.#gone();
      else this.#moved(to);
      // The version before is over, whether or not this one can be opened.
      moved();
    };
    models.followed.onMoved(model, alias, follow, signal);
  }

  /** What the control topic holds now of the alias is known when this resolves. */
  async catchUp(signal: AbortSignal): Promise<void> {
    await this.#options.models.followed.catchUp(signal);
  }

  /**
   * A version, opened once. One that was written down is served whatever the alias says.
   * @throws OperationError MR_MODEL_MISSING when the models directory does not have it, MR_MODEL when it does not fit
   */
  version(version: number, signal: AbortSignal, listener: LoadListener = {}): Promise<ServedModel> {
    const known = this.#open.get(version);
    if (known !== undefined) return known;
    const opening = this.#opened(version, signal, listener);
    this.#open.set(version, opening);
    opening.catch(() => this.#open.delete(version));
    for (const old of this.#open.keys()) {
      if (this.#open.size <= openMax) break;
      if (old !== version) this.#open.delete(old);
    }
    return opening;
  }

  async #opened(version: number, signal: AbortSignal, listener: LoadListener): Promise<ServedModel> {
    const { model, models, inputs } = this.#options;
    const served = await models.followed.open(model, version, signal, listener);
    checkSignature(model, served, inputs);
    await this.#tryOne(served, signal);
    return served;
  }

  /** Scores a row of zeros: what cannot even do that is found before any record is. */
  async #tryOne({ version, scorer }: ServedModel, signal: AbortSignal): Promise<void> {
    const { model, inputs, clock } = this.#options;
    const row = Float64Array.from(inputs, ({ kind }) => (kind === "category" ? Number.NaN : 0));
    const doing = `trying version ${version} of model ${model}`;
    const late = (): OperationError =>
      new OperationError("MR_MODEL", `${doing}: no answer for ${silentAfterMs / 1_000} s`, { disposition: "retry" });
    try {
      const done = scorer.score(row, 1, new Float64Array(1), 0);
      if (done !== undefined) await cutOff(done, { clock, afterMs: silentAfterMs, late }, signal);
    } catch (cause) {
      if (cause instanceof OperationError || signal.aborted) throw cause;
      throw new OperationError("MR_MODEL", `${doing}: it cannot score a row of zeros: ${messageOf(cause)}`, { cause });
    }
  }

  #moved(alias: Alias): void {
    if (alias.version === this.#wanted?.version) return;
    const { model, facts } = this.#options;
    this.#wanted = alias;
    const inService = this.#newest?.served.version ?? 0;
    facts.emit("aliasMoved", { model, alias: alias.alias, version: alias.version, inService });
    void this.#openBeside(alias);
  }

  #gone(): void {
    this.#opening?.abort();
    this.#wanted = undefined;
    this.#newest = undefined;
    this.#refused = undefined;
  }

  /** Tries until it is open, or the alias points elsewhere. */
  async #openBeside(wanted: Alias): Promise<void> {
    const { clock, moved, signal } = this.#options;
    this.#opening?.abort();
    this.#refused = undefined;
    const beganMs = clock.monotonicMs();
    const opening = new AbortController();
    this.#opening = opening;
    const over = AbortSignal.any([opening.signal, signal]);
    const backOff = new BackOff(openPauses);
    for (let said = ""; !over.aborted; ) {
      try {
        const served = await this.version(wanted.version, over);
        if (over.aborted) return;
        this.#newest = { served, incident: wanted.incident };
        this.#refused = undefined;
        moved();
        return;
      } catch (thrown) {
        if (over.aborted) return;
        if (messageOf(thrown) !== said) this.#sayRefused(wanted.version, thrown);
        said = messageOf(thrown);
        if (this.#refused === undefined && clock.monotonicMs() - beganMs >= refusedAfterMs) {
          const reason = `${codeOf(thrown, "MR_MODEL")}: ${said}`.slice(0, reasonMax);
          this.#refused = { version: wanted.version, reason };
          moved();
        }
        await clock.sleep(backOff.next(), over).catch(() => undefined);
      }
    }
  }

  #sayRefused(version: number, thrown: unknown): void {
    const { model, alias, facts } = this.#options;
    const code = codeOf(thrown, "MR_MODEL");
    facts.emit("versionRefused", { model, alias, version, code, reason: messageOf(thrown) });
  }
}
