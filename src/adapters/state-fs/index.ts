/**
 * Snapshots as files: `<state dir>/<cluster id>/<group>/<task>/<store>.snapshot`, and beside them the lock of whoever
 * writes those of the task.
 *
 * A snapshot is written to `<store>.<random>.new`, synced, and renamed over the one before, so that there is no half
 * one. What a killed process leaves behind goes when the task is taken next. Nothing else is ever removed.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { HeldShelf, SnapshotName, SnapshotShelf, SnapshotWriting, StageShelf } from "../../runtime/index.ts";
import { codeOf, takeLock } from "./task-lock.ts";

const snapshotSuffix = ".snapshot";
const unfinishedSuffix = ".new";
const readBytes = 256 * 1024;

/** @param folder the state directory; made when the first task is taken */
export function createFolderShelf(folder: string): SnapshotShelf {
  return { ofStage: (cluster, group) => new FolderStage(join(folder, fileNameOf(cluster), fileNameOf(group))) };
}

class FolderStage implements StageShelf {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async list(): Promise<readonly SnapshotName[]> {
    const tasks = (await namesIn(this.#folder)).filter((name) => /^\d{1,9}$/.test(name));
    const byTask = await Promise.all(
      tasks.map(async (task) => {
        const names = (await namesIn(join(this.#folder, task))).filter((name) => name.endsWith(snapshotSuffix));
        return names.map((name) => ({ task: Number(task), store: nameOf(name.slice(0, -snapshotSuffix.length)) }));
      }),
    );
    return byTask.flat();
  }

  async *read({ task, store }: SnapshotName): AsyncGenerator<Uint8Array> {
    const file = await openIfThere(join(this.#folder, String(task), fileNameOf(store) + snapshotSuffix));
    if (file === undefined) return;
    try {
      const buffer = Buffer.allocUnsafe(readBytes);
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  async hold(task: number): Promise<HeldShelf | undefined> {
    const folder = join(this.#folder, String(task));
    await mkdir(folder, { recursive: true });
    const lock = await takeLock(join(folder, "lock"));
    if (lock === undefined) return undefined;
    try {
      for (const name of await namesIn(folder))
        if (name.endsWith(unfinishedSuffix)) await rm(join(folder, name), { force: true });
    } catch (cause) {
      await lock.release();
      throw cause;
    }
    return {
      write: (store) => FileWriting.begin(folder, fileNameOf(store)),
      release: () => lock.release(),
    };
  }
}

class FileWriting implements SnapshotWriting {
  readonly #folder: string;
  readonly #name: string;
  readonly #path: string;
  #file: FileHandle | undefined;

  private constructor(folder: string, name: string, path: string, file: FileHandle) {
    this.#folder = folder;
    this.#name = name;
    this.#path = path;
    this.#file = file;
  }

  static async begin(folder: string, name: string): Promise<FileWriting> {
    const path = join(folder, `${name}.${randomBytes(6).toString("hex")}${unfinishedSuffix}`);
    return new FileWriting(folder, name, path, await open(path, "wx"));
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#open.writeFile(bytes);
  }

  async publish(): Promise<void> {
    const file = this.#open;
    await file.sync();
    this.#file = undefined;
    await file.close();
    await rename(this.#path, join(this.#folder, this.#name + snapshotSuffix));
    await syncFolder(this.#folder);
  }

  async discard(): Promise<void> {
    // Of what was published there is no file under this name any more.
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
    await rm(this.#path, { force: true });
  }

  get #open(): FileHandle {
    if (this.#file === undefined) throw new Error(`writing ${this.#path}: it was ended`);
    return this.#file;
  }
}

/** Names of clusters, groups and stores are letters, digits, `.`, `_` and `-`; whatever else there may be is escaped. */
function fileNameOf(name: string): string {
  const escaped = encodeURIComponent(name);
  return /^\.*$/.test(escaped) ? `%${escaped}` : escaped;
}

function nameOf(fileName: string): string {
  return decodeURIComponent(fileName.replace(/^%(?=\.*$)/, ""));
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw cause;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return [];
    throw cause;
  }
}

/** So that the rename is there after the machine has failed. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
