import {
  type Clock,
  codeOf,
  cutOff,
  Facts,
  type Hasher,
  type Logger,
  MillraceError,
  messageOf,
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
import type { LoadListener, ModelSource, ServedModel } from "../served-model.ts";
import { type Alias, followAliases, readAliases } from "./aliases.ts";

export interface AliasModelSource extends ModelSource {
  /** Ends the following of the control topic. */
  close(): Promise<void>;
}

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
 * The version that an alias names at the start, or the first one that appears later, is served until the process
 * ends; a change after that is logged, and adopted at the next start, because adoption at an offset inside the
 * commit does not exist yet.
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
  const versions = new Map<string, number>();
  const served = new Map<string, ServedModel>();
  const loading = new Map<string, Promise<ServedModel>>();
  const waiting = new Set<Waiting>();
  let broken: unknown;

  let hasRead = false;

  const point = ({ model, alias, version }: Alias): void => {
    const key = `${model}@${alias}`;
    versions.set(key, version);
    const inService = served.get(key);
    if (inService !== undefined && inService.version !== version) {
      facts.emit("aliasMoved", { model, alias, version, inService: inService.version });
    }
    for (const waiter of waiting) if (waiter.key === key) waiter.resolve(version);
  };

  const follow = async (): Promise<void> => {
    // All that is there comes first: a version that has been superseded must not be taken for the alias's own.
    const { aliases, offsetNext } = await readAliases(broker, controlTopic, stop.signal);
    for (const alias of aliases) point(alias);
    hasRead = true;
    for (const waiter of waiting) waiter.onWaiting?.();
    for await (const alias of followAliases(broker, controlTopic, offsetNext, stop.signal)) point(alias);
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
    const known = versions.get(key);
    if (known !== undefined) return Promise.resolve(known);
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

  const open = async (
    model: string,
    key: string,
    version: number,
    onSilent: LoadListener["onSilent"],
  ): Promise<ServedModel> => {
    const where = `${model}/${version}`;
    const files = await read(model, version, onSilent);
    if (files === undefined)
      throw new OperationError("MR_MODEL", `opening model ${where}: the models directory has no such version`);
    const scorer = await openVersion(files, where, options.hasher, options.openTfjs);
    const tell = (input: string, rows: number): void => facts.emit("inputHeld", { model, version, input, rows });
    const opened = { version, scorer: tellingHeld(scorer, tell) };
    served.set(key, opened);
    facts.emit("versionOpened", { model, version });
    return opened;
  };

  return {
    async load(model, alias, signal, { onWaiting, onSilent } = {}) {
      const key = `${model}@${alias}`;
      const version = await versionOf(key, signal, onWaiting);
      let opened = loading.get(key);
      if (opened === undefined) {
        opened = open(model, key, version, onSilent).finally(() => {
          if (!served.has(key)) loading.delete(key);
        });
        loading.set(key, opened);
      }
      return opened;
    },
    async close() {
      stop.abort();
      await following;
    },
  };
}

/** The store of the versions does not answer. */
class SilentStoreError extends Error {
  override readonly name = "SilentStoreError";
}

function isPassing(thrown: unknown): boolean {
  return thrown instanceof MillraceError && thrown.disposition === "retry";
}
