import {
  type Clock,
  codeOf,
  cutOff,
  Facts,
  type Hasher,
  type Logger,
  MillraceError,
  messageOf,
  type Offset,
  OperationError,
  silentAfterMs,
} from "../../kernel/index.ts";
import {
  type ArtefactFiles,
  type ArtefactStore,
  openVersion,
  type ScorerOpener,
  tellingHeld,
} from "../../model/index.ts";
import type { Broker } from "../port.ts";
import type { FollowedModels, LoadListener, ModelSource, ServedModel } from "../served-model.ts";
import { type Alias, type AliasMove, aliasChanges } from "./aliases.ts";
import { readableEnd } from "./control-topic.ts";

export interface AliasModelSource extends ModelSource {
  readonly followed: FollowedModels;
  /** Ends the following of the control topic. */
  close(): Promise<void>;
}

/** Versions that are kept open; one in use is held by who uses it. */
const openMax = 16;
const followAgainMs = 1_000;
/**
 * Readings without an answer beside which another is begun, over all models: each of them holds one of the four threads
 * that Node has for files, names and compression, for as long as its file system hangs.
 */
const silentReadingsMax = 2;

interface Waiting {
  readonly key: string;
  readonly resolve: (version: number) => void;
  readonly reject: (reason: unknown) => void;
  /** Called when the alias is known not to exist yet. */
  readonly onWaiting: (() => void) | undefined;
}

/**
 * Models by alias: follows the alias records on the control topic and reads versions from the artefact store.
 *
 * Whoever follows an alias is told of its moves in their order, and opens what it points at.
 */
export function createAliasModelSource(options: {
  readonly broker: Broker;
  readonly controlTopic: string;
  readonly artefacts: ArtefactStore;
  readonly openTfjs: ScorerOpener;
  readonly hasher: Hasher;
  readonly clock: Clock;
  readonly logger: Logger;
}): AliasModelSource {
  const { broker, controlTopic, artefacts } = options;
  const facts = new Facts(options.logger);
  const stop = new AbortController();
  /** Where each alias points, and since which offset of the control topic. */
  const known = new Map<string, AliasMove>();
  const open = new Map<string, Promise<ServedModel>>();
  const followers = new Map<string, Set<(alias: Alias | undefined) => void>>();
  const waiting = new Set<Waiting>();
  let broken: unknown;

  let hasRead = false;
  let offsetNext: Offset = 0;

  /** The topic is read by two, and what the one has seen already is nothing new from the other. */
  const point = (move: AliasMove): void => {
    const { alias, offset } = move;
    const key = keyOf(move.model, move.name);
    if (offset <= (known.get(key)?.offset ?? -1)) return;
    known.set(key, move);
    for (const follower of followers.get(key) ?? []) follower(alias);
    if (alias === undefined) return;
    for (const waiter of waiting) if (waiter.key === key) waiter.resolve(alias.version);
  };

  const readTo = async (from: Offset, to: Offset, signal: AbortSignal): Promise<void> => {
    const last = new Map<string, AliasMove>();
    // All that is there comes first: a version that has been superseded must not be taken for the alias's own.
    for await (const move of aliasChanges(broker, controlTopic, { from, to }, signal))
      last.set(keyOf(move.model, move.name), move);
    for (const move of last.values()) point(move);
    offsetNext = Math.max(offsetNext, to);
  };

  const catchUp = async (signal: AbortSignal): Promise<void> => {
    const { low, end } = await readableEnd(broker, controlTopic, signal);
    const from = Math.max(low, offsetNext);
    if (from < end) await readTo(from, end, signal);
  };

  const follow = async (): Promise<void> => {
    await catchUp(stop.signal);
    hasRead = true;
    for (const waiter of waiting) waiter.onWaiting?.();
    for await (const move of aliasChanges(broker, controlTopic, { from: offsetNext }, stop.signal)) {
      point(move);
      offsetNext = Math.max(offsetNext, move.offset + 1);
    }
  };
  /** A cluster that is away is waited for; what asking again cannot mend ends the following. */
  const following = (async () => {
    while (!stop.signal.aborted) {
      try {
        return await follow();
      } catch (thrown) {
        if (stop.signal.aborted || !isPassing(thrown)) throw thrown;
        facts.emit("controlTopicReadAgain", { code: codeOf(thrown), topic: controlTopic, reason: messageOf(thrown) });
        await options.clock.sleep(followAgainMs, stop.signal);
      }
    }
  })().catch((thrown: unknown) => {
    if (stop.signal.aborted) return;
    broken = thrown;
    for (const waiter of waiting) waiter.reject(thrown);
    facts.emit("aliasesUnfollowed", { code: codeOf(thrown), topic: controlTopic, reason: messageOf(thrown) });
  });

  const versionOf = (key: string, signal: AbortSignal, onWaiting: (() => void) | undefined): Promise<number> => {
    const { version } = known.get(key)?.alias ?? {};
    if (version !== undefined) return Promise.resolve(version);
    if (broken !== undefined) return Promise.reject(broken);
    if (hasRead) onWaiting?.();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        waiting.delete(waiter);
        signal.removeEventListener("abort", onAbort);
      };
      const waiter: Waiting = {
        key,
        onWaiting,
        resolve: (version) => {
          leave();
          resolve(version);
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      };
      const onAbort = (): void => waiter.reject(signal.reason);
      waiting.add(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  };

  let silentReadings = 0;
  const counted = new WeakSet<Promise<unknown>>();
  const noteSilent = (readings: readonly Promise<unknown>[]): void => {
    const settled = (): void => void silentReadings--;
    for (const reading of readings) {
      if (counted.has(reading)) continue;
      counted.add(reading);
      silentReadings++;
      reading.then(settled, settled);
    }
  };
  /** A store that hangs is asked again, so that a folder that comes back is noticed, but not for ever more often. */
  const read = async (
    model: string,
    version: number,
    onSilent: LoadListener["onSilent"],
  ): Promise<ArtefactFiles | undefined> => {
    const beganMs = options.clock.monotonicMs();
    const late = (): SilentStoreError => new SilentStoreError(`reading model ${model}/${version}: no answer`);
    const readings: Promise<ArtefactFiles | undefined>[] = [];
    for (;;) {
      if (readings.length === 0 || silentReadings < silentReadingsMax)
        readings.push(artefacts.read(model, version, stop.signal));
      try {
        const limit = { clock: options.clock, afterMs: silentAfterMs, late };
        const files = await cutOff(Promise.race(readings), limit, stop.signal);
        onSilent?.(undefined);
        return files;
      } catch (thrown) {
        if (!(thrown instanceof SilentStoreError)) throw thrown;
        noteSilent(readings);
        const waitedSeconds = Math.round((options.clock.monotonicMs() - beganMs) / 1_000);
        facts.emit("modelStoreSilent", { model, version, waitedSeconds });
        onSilent?.(`the model store has not answered for ${waitedSeconds} s`);
      }
    }
  };

  const openAnew = async (model: string, version: number, onSilent: LoadListener["onSilent"]): Promise<ServedModel> => {
    const where = `${model}/${version}`;
    const files = await read(model, version, onSilent);
    if (files === undefined)
      throw new OperationError(
        "MR_MODEL_MISSING",
        `opening model ${where}: the models directory has no such version; put it back from a copy, or have an alias name another and move the offsets behind what this one has scored`,
      );
    const scorer = await openVersion(files, where, options.hasher, options.openTfjs);
    const tell = (input: string, rows: number): void => facts.emit("inputHeld", { model, version, input, rows });
    const opened = { version, scorer: tellingHeld(scorer, tell) };
    facts.emit("versionOpened", { model, version });
    return opened;
  };

  const openOnce = (model: string, version: number, { onSilent }: LoadListener): Promise<ServedModel> => {
    const key = `${model}/${version}`;
    let opening = open.get(key);
    if (opening === undefined) {
      opening = openAnew(model, version, onSilent);
      open.set(key, opening);
      opening.catch(() => open.delete(key));
      for (const oldest of open.keys()) {
        if (open.size <= openMax) break;
        open.delete(oldest);
      }
    }
    return opening;
  };

  const followed: FollowedModels = {
    exists: async (model, alias, signal, { onWaiting } = {}) => {
      await versionOf(keyOf(model, alias), signal, onWaiting);
    },
    now: (model, alias) => known.get(keyOf(model, alias))?.alias,
    onMoved(model, alias, moved, signal) {
      const key = keyOf(model, alias);
      const all = followers.get(key) ?? new Set();
      followers.set(key, all.add(moved));
      signal.addEventListener("abort", () => all.delete(moved), { once: true });
      const now = known.get(key)?.alias;
      if (now !== undefined) moved(now);
    },
    catchUp,
    open: (model, version, signal, listener = {}) => unlessAborted(openOnce(model, version, listener), signal),
  };

  return {
    followed,
    async load(model, alias, signal, listener = {}) {
      const version = await versionOf(keyOf(model, alias), signal, listener.onWaiting);
      return openOnce(model, version, listener);
    },
    async close() {
      stop.abort();
      await following;
    },
  };
}

function keyOf(model: string, alias: string): string {
  return `${model}@${alias}`;
}

/** Settles as the promise does, or with the signal's reason; what is under way goes on for others. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const cut = (): void => reject(signal.reason);
    signal.addEventListener("abort", cut, { once: true });
    const done = (): void => signal.removeEventListener("abort", cut);
    promise.then(resolve, reject).finally(done);
  });
}

/** The store of the versions does not answer. */
class SilentStoreError extends Error {
  override readonly name = "SilentStoreError";
}

function isPassing(thrown: unknown): boolean {
  return thrown instanceof MillraceError && thrown.disposition === "retry";
}
