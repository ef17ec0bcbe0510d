/**
 * Model versions as folders: `<models dir>/<model>/<n>/`.
 *
 * A version's number is taken by an exclusive mkdir, so two trainers never share one; its files are written
 * under a temporary name and appear with one rename of the folder's content marker, the checksum file, which
 * is written last: a folder without it is a version that was never finished, and is passed over.
 */
import { mkdir, open, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, OperationError } from "../../kernel/index.ts";
import { type ArtefactFiles, type ArtefactStore, checksumsFile } from "../../model/index.ts";

const modelName = /^[a-z0-9][a-z0-9-]{0,127}$/;
const fileName = /^[\w][\w.-]{0,127}$/;
/** More attempts than two trainers could ever race for; past it something else is wrong. */
const attemptsMax = 100;
/** Bound on what is read into memory for one version. */
const versionBytesMax = 1024 * 1024 * 1024;

/** @param folder the models directory; made when the first version is written */
export function createFolderArtefacts(folder: string): ArtefactStore {
  const versionsOf = async (model: string): Promise<number[]> => {
    const names = await readdir(join(folder, checkedName(model))).catch((cause: unknown) => {
      if (isMissing(cause)) return [];
      throw ioError(`listing versions of ${model} in ${folder}`, cause);
    });
    const numbers = names.filter((name) => /^[1-9]\d{0,8}$/.test(name)).map(Number);
    return numbers.sort((a, b) => a - b);
  };

  return {
    async write(model, files, signal) {
      const parent = join(folder, checkedName(model));
      for (const name of files.keys()) {
        if (!fileName.test(name))
          throw new OperationError("MR_IO", `writing model ${model}: ${JSON.stringify(name)} is no file name`);
      }
      try {
        await mkdir(parent, { recursive: true });
        const taken = await takeNumber(parent, (await versionsOf(model)).at(-1) ?? 0);
        for (const [name, bytes] of inWritingOrder(files)) {
          signal.throwIfAborted();
          await writeDurably(join(parent, String(taken), name), bytes);
        }
        return taken;
      } catch (cause) {
        if (signal.aborted) throw cause;
        throw ioError(`writing a version of ${model} to ${folder}`, cause);
      }
    },

    async read(model, version, signal) {
      const path = join(folder, checkedName(model), String(version));
      try {
        const names = (await readdir(path)).filter((name) => fileName.test(name) && !name.endsWith(".part"));
        if (!names.includes(checksumsFile)) return undefined;
        const files = new Map<string, Uint8Array>();
        let total = 0;
        for (const name of names) {
          const bytes = await readFile(join(path, name), { signal });
          total += bytes.length;
          if (total > versionBytesMax)
            throw new OperationError("MR_MODEL", `reading ${path}: more than 1 GiB of files`);
          files.set(name, bytes);
        }
        return files;
      } catch (cause) {
        if (isMissing(cause)) return undefined;
        if (signal.aborted || cause instanceof OperationError) throw cause;
        throw ioError(`reading ${path}`, cause);
      }
    },

    versions: (model) => versionsOf(model),
  };
}

async function takeNumber(parent: string, last: number): Promise<number> {
  for (let n = last + 1; n <= last + attemptsMax; n++) {
    try {
      await mkdir(join(parent, String(n)));
      return n;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    }
  }
  throw new OperationError(
    "MR_IO",
    `taking a version number in ${parent}: ${attemptsMax} numbers after ${last} are taken`,
  );
}

/** The checksum file last: it is what makes the version whole. */
function inWritingOrder(files: ArtefactFiles): readonly (readonly [string, Uint8Array])[] {
  return [...files].sort(([a], [b]) => Number(a === checksumsFile) - Number(b === checksumsFile));
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const part = `${path}.part`;
  const file = await open(part, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, path);
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

function ioError(doing: string, cause: unknown): OperationError {
  return cause instanceof OperationError
    ? cause
    : new OperationError("MR_IO", `${doing}: ${messageOf(cause)}`, { cause });
}
