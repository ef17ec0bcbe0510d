/**
 * Model versions as folders: `<models dir>/<model>/<n>/`.
 *
 * A version is written to `<model>/.new-<random>/`, read back and checked there, and becomes version n by one rename
 * of the folder: there is no half version under a number, and a training that fails or is killed uses none up. What
 * a killed one leaves behind is removed by a later training, when it is old enough to be nobody's any more.
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { MillraceError, messageOf, OperationError } from "../../kernel/index.ts";
import { type ArtefactFiles, type ArtefactStore, checksumsFile } from "../../model/index.ts";

const modelName = /^[a-z0-9][a-z0-9-]{0,127}$/;
const fileName = /^[\w][\w.-]{0,127}$/;
const versionName = /^[1-9]\d{0,8}$/;
const unfinishedPrefix = ".new-";
/** An unfinished version of that age has no training behind it that still writes. */
const unfinishedMsMax = 86_400_000;
/** More attempts than trainers could ever race for; past it something else is wrong. */
const attemptsMax = 100;
/** Bound on what is read into memory for one version. */
const versionBytesMaxDefault = 1024 * 1024 * 1024;

export interface FolderArtefactsOptions {
  readonly versionBytesMax?: number;
  /** Wall clock, for the age of what was left behind. */
  readonly now?: () => number;
}

/** @param folder the models directory; made when the first training prepares */
export function createFolderArtefacts(folder: string, options: FolderArtefactsOptions = {}): ArtefactStore {
  const versionBytesMax = options.versionBytesMax ?? versionBytesMaxDefault;
  const now = options.now ?? Date.now;

  const namesIn = (model: string): Promise<string[]> =>
    readdir(join(folder, checkedName(model))).catch((cause: unknown) => {
      if (isMissing(cause)) return [];
      throw ioError(`listing versions of ${model} in ${folder}`, cause);
    });
  const versionsOf = async (model: string): Promise<number[]> => {
    const numbers = (await namesIn(model)).filter((name) => versionName.test(name)).map(Number);
    return numbers.sort((a, b) => a - b);
  };
  const makeUnfinished = async (model: string): Promise<string> => {
    const path = join(folder, model, `${unfinishedPrefix}${randomBytes(8).toString("hex")}`);
    await mkdir(path, { recursive: true });
    return path;
  };

  return {
    async prepare(model, signal) {
      checkedName(model);
      try {
        const path = await makeUnfinished(model);
        try {
          await writeDurably(join(path, "probe"), new Uint8Array(1));
        } finally {
          await remove(path);
        }
        for (const name of await namesIn(model)) {
          signal.throwIfAborted();
          if (name.startsWith(unfinishedPrefix)) await removeOld(join(folder, model, name), now());
        }
      } catch (cause) {
        if (signal.aborted) throw cause;
        throw ioError(`preparing to write a version of ${model} to ${folder}`, cause);
      }
    },

    async write(model, files, check, signal) {
      checkedName(model);
      for (const name of files.keys()) {
        if (!fileName.test(name))
          throw new OperationError("MR_IO", `writing model ${model}: ${JSON.stringify(name)} is no file name`);
      }
      let path: string | undefined;
      try {
        path = await makeUnfinished(model);
        for (const [name, bytes] of files) {
          signal.throwIfAborted();
          await writeDurably(join(path, name), bytes);
        }
        await syncFolder(path);
        const readBack = await readFiles(path, versionBytesMax, signal);
        if (readBack === undefined) throw new OperationError("MR_IO", `${path}: it has no ${checksumsFile}`);
        await check(readBack);
        signal.throwIfAborted();
        const taken = await takeNumber(path, join(folder, model), (await versionsOf(model)).at(-1) ?? 0);
        path = undefined;
        return taken;
      } catch (cause) {
        if (signal.aborted) throw cause;
        throw ioError(`writing a version of ${model} to ${folder}`, cause);
      } finally {
        if (path !== undefined) await remove(path);
      }
    },

    async read(model, version, signal) {
      const path = join(folder, checkedName(model), String(version));
      try {
        return await readFiles(path, versionBytesMax, signal);
      } catch (cause) {
        if (isMissing(cause)) return undefined;
        if (signal.aborted) throw cause;
        throw ioError(`reading ${path}`, cause);
      }
    },

    async remove(model, version, signal) {
      signal.throwIfAborted();
      const parent = join(folder, checkedName(model));
      const path = join(parent, `${unfinishedPrefix}${randomBytes(8).toString("hex")}`);
      try {
        await rename(join(parent, String(version)), path);
        await syncFolder(parent);
        await remove(path);
      } catch (cause) {
        if (isMissing(cause)) return;
        throw ioError(`removing version ${version} of ${model} from ${folder}`, cause);
      }
    },

    versions: (model) => versionsOf(model),
  };
}

/** The files of a folder; undefined when it has no checksums, so is no version. */
async function readFiles(path: string, bytesMax: number, signal: AbortSignal): Promise<ArtefactFiles | undefined> {
  // Part files are what an older way of writing has left in a version that was never finished.
  const names = (await readdir(path)).filter((name) => fileName.test(name) && !name.endsWith(".part"));
  if (!names.includes(checksumsFile)) return undefined;
  let total = 0;
  for (const name of names) total += (await stat(join(path, name))).size;
  if (total > bytesMax)
    throw new OperationError("MR_MODEL", `reading ${path}: ${total} bytes of files, and ${bytesMax} are the most`);
  const files = new Map<string, Uint8Array>();
  for (const name of names) files.set(name, await readFile(join(path, name), { signal }));
  return files;
}

/** Renames a folder to the next free number: onto a folder that holds files, or onto a file, a rename fails. */
async function takeNumber(path: string, parent: string, last: number): Promise<number> {
  for (let n = last + 1; n <= last + attemptsMax; n++) {
    try {
      await rename(path, join(parent, String(n)));
    } catch (cause) {
      if (["EEXIST", "ENOTEMPTY", "ENOTDIR", "EPERM"].includes((cause as NodeJS.ErrnoException).code ?? "")) continue;
      throw cause;
    }
    await syncFolder(parent);
    return n;
  }
  throw new OperationError(
    "MR_IO",
    `taking a version number in ${parent}: ${attemptsMax} numbers after ${last} are taken`,
  );
}

async function removeOld(path: string, nowMs: number): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    // Another training has removed it or made a version of it.
    if (isMissing(cause)) return undefined;
    throw cause;
  });
  if (found !== undefined && nowMs - found.mtimeMs > unfinishedMsMax) await remove(path);
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the names in a folder as durable as the files. */
async function syncFolder(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function checkedName(model: string): string {
  if (modelName.test(model)) return model;
  throw new OperationError(
    "MR_MODEL",
    `opening model ${JSON.stringify(model)}: a name has lower-case letters, digits and hyphens`,
  );
}

function isMissing(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === "ENOENT";
}

/** What already says what is wrong goes on as it is. */
function ioError(doing: string, cause: unknown): Error {
  return cause instanceof MillraceError
    ? cause
    : new OperationError("MR_IO", `${doing}: ${messageOf(cause)}`, { cause });
}
