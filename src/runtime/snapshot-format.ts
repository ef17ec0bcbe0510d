/**
 * A snapshot as bytes: a mark, and then blocks, each a length, a checksum of that length and what follows, and a body.
 * The first body is the header as JSON, the last names how many entries there were, those between hold entries: length of
 * the key, length of the value, key, value. An entry without a value is one that the store owes ({@link Store.owe}).
 */
import { z } from "zod";
import { type EpochMs, messageOf, type Offset } from "../kernel/index.ts";
import type { ChangeWriter } from "../state/index.ts";
import { crc32c } from "../wire/index.ts";

/** What a snapshot is of, and up to where. Compared as a whole but for `offset` and `takenMs`. */
export interface SnapshotHeader {
  readonly cluster: string;
  /** Id of the stage's input topic. */
  readonly inputId: string;
  /** Id of the changelog. */
  readonly changelogId: string;
  readonly task: number;
  /** What its entries are like: of another form they are of no use. */
  readonly form: string;
  /** Everything that the changelog holds before it is in the snapshot. */
  readonly offset: Offset;
  readonly takenMs: EpochMs;
}

/** Why a snapshot is of no use. */
export class SnapshotUselessError extends Error {
  override readonly name = "SnapshotUselessError";
}

/** Begins every snapshot; the last byte counts its forms. */
const mark = Buffer.from([0x4d, 0x52, 0x53, 0x4e, 0x41, 0x50, 0x00, 0x01]);
/** Length of the body, then the checksum. */
const prefixBytes = 8;
const entryPrefixBytes = 8;
const noValue = 0xffff_ffff;
/** A block is closed when its entries have this many bytes. */
const blockBytes = 64 * 1024;
/** More than the largest entry there can be: a changelog's record is smaller. */
const bodyBytesMax = 512 * 1024 * 1024;

const header = z.object({
  cluster: z.string(),
  inputId: z.string(),
  changelogId: z.string(),
  task: z.int(),
  form: z.string(),
  offset: z.int(),
  takenMs: z.number(),
});

/** Makes the bytes of a snapshot out of entries. Blocks that are finished wait to be taken. */
export class SnapshotEncoder implements ChangeWriter {
  #finished: Uint8Array[] = [];
  #block = Buffer.alloc(blockBytes * 2);
  #end = prefixBytes;
  entryCount = 0;
  byteCount = 0;

  constructor(of: SnapshotHeader) {
    this.#finished.push(mark);
    this.byteCount = mark.length;
    this.#body(Buffer.from(JSON.stringify(of)));
  }

  write(key: Uint8Array, value: Uint8Array | null): void {
    const valueLength = value?.length ?? 0;
    this.#reserve(entryPrefixBytes + key.length + valueLength);
    const block = this.#block;
    let at = block.writeUInt32LE(key.length, this.#end);
    at = block.writeUInt32LE(value === null ? noValue : valueLength, at);
    block.set(key, at);
    if (value !== null) block.set(value, at + key.length);
    this.#end = at + key.length + valueLength;
    this.entryCount++;
    if (this.#end >= blockBytes) this.#close();
  }

  /** Nothing more is to come. */
  end(): void {
    if (this.#end > prefixBytes) this.#close();
    const count = Buffer.alloc(8);
    count.writeDoubleLE(this.entryCount);
    this.#body(count);
  }

  /** The blocks that were finished since it was called last. */
  take(): readonly Uint8Array[] {
    const taken = this.#finished;
    this.#finished = [];
    return taken;
  }

  #body(body: Uint8Array): void {
    this.#reserve(body.length);
    this.#block.set(body, this.#end);
    this.#end += body.length;
    this.#close();
  }

  #close(): void {
    const block = this.#block.subarray(0, this.#end);
    block.writeUInt32LE(this.#end - prefixBytes, 0);
    block.writeUInt32LE(checksumOf(block, this.#end), 4);
    this.#finished.push(Buffer.from(block));
    this.byteCount += this.#end;
    this.#end = prefixBytes;
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#block.length) return;
    const grown = Buffer.alloc(Math.max(this.#end + count, this.#block.length * 2));
    this.#block.copy(grown, 0, 0, this.#end);
    this.#block = grown;
  }
}

/** Of the length and the body, without the checksum that stands between them. */
function checksumOf(block: Uint8Array, end: number): number {
  return (crc32c(block, 0, 4) ^ crc32c(block, prefixBytes, end)) >>> 0;
}

/** Reads a snapshot: the header, and then its blocks of entries, whose checksums hold. */
export class SnapshotDecoder {
  readonly #bodies: AsyncGenerator<Buffer>;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#bodies = bodiesOf(pieces);
  }

  /**
   * The header; undefined when there is not one byte.
   * @throws SnapshotUselessError when it is damaged
   */
  async header(): Promise<SnapshotHeader | undefined> {
    const { value: body, done } = await this.#bodies.next();
    if (done === true) return undefined;
    try {
      return header.parse(JSON.parse(body.toString()));
    } catch (cause) {
      throw new SnapshotUselessError(`its header does not read: ${messageOf(cause)}`, { cause });
    }
  }

  /**
   * The bodies of the blocks of entries, for {@link EntryCursor}.
   * @throws SnapshotUselessError when anything is damaged or missing, at the latest behind the last block
   */
  async *blocks(): AsyncGenerator<Buffer> {
    let before: Buffer | undefined;
    let count = 0;
    for await (const body of this.#bodies) {
      if (before !== undefined) {
        count += entryCountOf(before);
        yield before;
      }
      before = body;
    }
    if (before === undefined || before.length !== 8) throw new SnapshotUselessError("its end is missing");
    if (before.readDoubleLE() !== count) throw new SnapshotUselessError(`it has ${count} entries, and says otherwise`);
  }

  /** Ends the reading early. */
  async close(): Promise<void> {
    await this.#bodies.return(undefined);
  }
}

/** One entry of a block after the other. */
export class EntryCursor {
  readonly #body: Buffer;
  #at = 0;
  key: Uint8Array = new Uint8Array(0);
  value: Uint8Array | null = null;

  constructor(body: Buffer) {
    this.#body = body;
  }

  /** False when there are no more. */
  next(): boolean {
    const body = this.#body;
    if (this.#at >= body.length) return false;
    const keyFrom = this.#at + entryPrefixBytes;
    const keyTo = keyFrom + body.readUInt32LE(this.#at);
    const valueLength = body.readUInt32LE(this.#at + 4);
    this.#at = valueLength === noValue ? keyTo : keyTo + valueLength;
    this.key = body.subarray(keyFrom, keyTo);
    this.value = valueLength === noValue ? null : body.subarray(keyTo, this.#at);
    return true;
  }
}

function entryCountOf(body: Buffer): number {
  let count = 0;
  for (let at = 0; at < body.length; count++) {
    const valueLength = body.readUInt32LE(at + 4);
    at += entryPrefixBytes + body.readUInt32LE(at) + (valueLength === noValue ? 0 : valueLength);
  }
  return count;
}

async function* bodiesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  let isMarked = false;
  let isBegun = false;
  for await (const piece of pieces) {
    // A copy each time: bodies that were given stay as they are.
    rest = Buffer.concat([rest, piece]);
    if (!isMarked) {
      if (rest.length < mark.length) continue;
      if (!rest.subarray(0, mark.length).equals(mark)) throw new SnapshotUselessError("it is no snapshot of this form");
      rest = rest.subarray(mark.length);
      isMarked = true;
    }
    for (let end = blockEnd(rest); end <= rest.length; end = blockEnd(rest)) {
      if (rest.readUInt32LE(4) !== checksumOf(rest, end)) throw new SnapshotUselessError("a checksum does not hold");
      isBegun = true;
      yield rest.subarray(prefixBytes, end);
      rest = rest.subarray(end);
    }
  }
  if (rest.length > 0 || (isMarked && !isBegun)) throw new SnapshotUselessError("it ends in the middle of a block");
}

/** Where the first block ends; beyond all bytes when that is not known yet. */
function blockEnd(bytes: Buffer): number {
  if (bytes.length < prefixBytes) return Number.POSITIVE_INFINITY;
  const length = bytes.readUInt32LE(0);
  if (length > bodyBytesMax) throw new SnapshotUselessError(`a block says that it has ${length} bytes`);
  return prefixBytes + length;
}
