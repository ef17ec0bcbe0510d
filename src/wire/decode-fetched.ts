import { assert, type Offset, type TopicPartition } from "../kernel/index.ts";
import { type AbortedTransaction, AbortedTransactions } from "./aborted-transactions.ts";
import { BatchFault } from "./batch-fault.ts";
import {
  type BatchHeader,
  batchAttributes,
  batchLayout,
  lengthPrefixBytes,
  readBatchHeader,
  readLong,
  recordBytesMin,
} from "./batch-header.ts";
import { type Codecs, codecNames } from "./codecs.ts";
import { crc32c } from "./crc32c.ts";
import { DamagedBatchError } from "./damaged-batch.ts";
import { LargeBatch } from "./large-batch.ts";
import type { RawBatch } from "./raw-batch.ts";
import { indexBytesPerRecord, RecordIndex } from "./record-index.ts";

/** Most bytes that one batch may inflate to, and beyond which a fetch is not decoded further in one go. */
const inflatedBytesMax = 64 * 1024 * 1024;
/** Records beyond which a fetch is not decoded further in one go. */
const fetchRecordsSoftMax = 1_000_000;

/** What the fetch was asked, and what came with its bytes. */
export interface FetchContext extends TopicPartition {
  readonly offsetAsked: Offset;
  /** True when a batch that was read before ended at `offsetAsked`, so that none that follows begins below it. */
  readonly isBehindBatch?: boolean;
  /** As in {@link RawBatch}: -1 when unknown. */
  readonly logStartOffset: Offset;
  readonly endOffset: Offset;
  /** Empty when the fetch was not read-committed. In any order. */
  readonly abortedTransactions: readonly AbortedTransaction[];
  readonly codecs: Codecs;
  /** False only for batches that never left this process. */
  readonly verifyCrc: boolean;
}

/** The records of one batch, inflated. */
interface Inflated {
  readonly header: BatchHeader;
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
}

interface Segment extends Inflated {
  /** Where its batch begins among the fetched bytes, and the offset up to which all before it is read. */
  readonly at: number;
  readonly offsetBefore: Offset;
}

/** What the batch headers of a fetch say. */
interface Survey {
  readonly segments: Segment[];
  /** Records in the segments, as declared and as far as the bytes allow. */
  recordCount: number;
  inflatedBytes: number;
  /** Bytes of the segments and of their index. */
  heldBytes: number;
  offsetNext: Offset;
  /** The next batch has no room in this piece. */
  isFull: boolean;
  /** The first batch, when it is too large to be decoded in one go. */
  large: { readonly at: number; readonly header: BatchHeader } | undefined;
}

/** How much is decoded in one go, in bytes of records and their index. */
export interface PieceSize {
  readonly bytesMax: number;
  readonly batchBytesMax: number;
}

const wholeBatches: PieceSize = { bytesMax: Number.POSITIVE_INFINITY, batchBytesMax: Number.POSITIVE_INFINITY };

/**
 * Decodes the record batches (magic 2) that a fetch brought for one topic-partition.
 *
 * Nothing is copied when no batch is compressed: `bytes` of the answer is the argument. A batch that is cut off at
 * the end is left for the next fetch, and so are the batches after about 64 MiB of inflated bytes or a million
 * records: `offsetNext` says where to go on. Records below `offsetAsked` are left out; batches without records
 * still move `offsetNext`. A broker sends the first batch whole whatever the fetch size (fetch version 3 and
 * later), so a first batch that is cut off is damage and no request for a larger fetch.
 *
 * A damaged batch ends what is decoded before it, and is an error only when nothing is: whoever asks again behind what
 * was decoded gets to it. The checksum does not cover a batch's base offset: damage there is found only by the batches
 * before and behind it, and the end of the log.
 *
 * Costs about 0.1 µs per record and 0.6 ns per byte for the checksum; no object per record.
 *
 * @throws DamagedBatchError (MR_BATCH_CORRUPT) with topic, partition and the offset of the damaged batch
 */
export function decodeFetched(bytes: Buffer, context: FetchContext): RawBatch {
  const survey = surveyOf(bytes, context, wholeBatches);
  return decodeSegments(bytes, context, survey);
}

/**
 * Decodes as {@link decodeFetched} does, up to about `piece.bytesMax` bytes of records and their index. A first batch that
 * alone is larger than `piece.batchBytesMax` comes undecoded, to be read in pieces.
 */
export function decodePiece(bytes: Buffer, context: FetchContext, piece: PieceSize): RawBatch | LargeBatch {
  const survey = surveyOf(bytes, context, piece);
  if (survey.large === undefined) return decodeSegments(bytes, context, survey);
  const { at, header } = survey.large;
  return new LargeBatch(bytes.subarray(at, at + header.byteLength), header, context);
}

function surveyOf(bytes: Buffer, context: FetchContext, piece: PieceSize): Survey {
  const survey: Survey = {
    segments: [],
    recordCount: 0,
    inflatedBytes: 0,
    heldBytes: 0,
    offsetNext: context.offsetAsked,
    isFull: false,
    large: undefined,
  };
  inspectBatches(bytes, context, survey, piece);
  return survey;
}

/** Second pass: where the records lie. */
function decodeSegments(bytes: Buffer, context: FetchContext, survey: Survey): RawBatch {
  const index = new RecordIndex(survey.recordCount);
  const whole = combine(bytes, survey);
  let shift = 0;
  for (const { header, at, offsetBefore, bytes: own, from, to } of survey.segments) {
    const start = whole === own ? from : shift;
    const end = start + to - from;
    const before = index.count;
    const fault = faultIn(() => index.add(whole, start, end, header, context.offsetAsked));
    if (fault !== undefined) {
      index.count = before;
      survey.offsetNext = offsetBefore;
      if (offsetBefore <= context.offsetAsked) throw damaged(context, bytes, at, fault);
      break;
    }
    shift = end;
  }
  return {
    topic: context.topic,
    partition: context.partition,
    bytes: whole,
    ...index.filled,
    damage: undefined,
    offsetAsked: context.offsetAsked,
    offsetNext: survey.offsetNext,
    logStartOffset: context.logStartOffset,
    // A broker takes the end before it reads, and may have read on past it.
    endOffset: context.endOffset < 0 ? context.endOffset : Math.max(context.endOffset, survey.offsetNext),
  };
}

/** First pass: batch headers, checksums, transactions, inflating. Ends before a batch that is damaged. */
function inspectBatches(bytes: Buffer, context: FetchContext, survey: Survey, piece: PieceSize): void {
  const aborted = new AbortedTransactions(context.abortedTransactions);
  let at = 0;
  let offsetMin = context.isBehindBatch === true ? context.offsetAsked : 0;
  while (at < bytes.length && hasRoom(survey, piece)) {
    let byteLength = 0;
    const fault = faultIn(() => {
      byteLength = checkedLength(bytes, at);
      if (byteLength > bytes.length - at)
        throw new BatchFault(`its first batch is cut off: ${bytes.length - at} of ${byteLength} bytes came`);
      const header = readBatchHeader(bytes, at);
      checkBatch(bytes, at, header, offsetMin, context);
      takeBatch(bytes, at, header, context, aborted, survey, piece);
      if (survey.isFull) return;
      offsetMin = header.lastOffset + 1;
    });
    if (fault !== undefined) {
      // What is cut off or damaged behind others is left for the next fetch.
      if (survey.offsetNext > context.offsetAsked) return;
      throw damaged(context, bytes, at, fault);
    }
    if (survey.isFull) return;
    survey.offsetNext = Math.max(survey.offsetNext, offsetMin);
    at += byteLength;
  }
}

function hasRoom({ inflatedBytes, recordCount, heldBytes }: Survey, { bytesMax }: PieceSize): boolean {
  return inflatedBytes < inflatedBytesMax && recordCount < fetchRecordsSoftMax && heldBytes < bytesMax;
}

/** Decides whose records are seen; those become a segment. */
function takeBatch(
  bytes: Buffer,
  at: number,
  header: BatchHeader,
  context: FetchContext,
  aborted: AbortedTransactions,
  survey: Survey,
  { batchBytesMax }: PieceSize,
): void {
  const from = at + batchLayout.records;
  const to = at + header.byteLength;
  aborted.advance(header.lastOffset);
  if ((header.attributes & batchAttributes.control) !== 0) {
    aborted.control(header, bytes, from, to);
    return;
  }
  if ((header.attributes & batchAttributes.transactional) !== 0 && aborted.has(header.producerId)) return;
  if (header.recordCount === 0 || header.lastOffset < context.offsetAsked) return;
  const inflated = inflateBatch(bytes, from, to, header, context.codecs, batchBytesMax);
  if (inflated === undefined) {
    survey.isFull = true;
    if (survey.offsetNext === context.offsetAsked) survey.large = { at, header };
    return;
  }
  const segment: Segment = { ...inflated, at, offsetBefore: survey.offsetNext };
  const room = Math.floor((segment.to - segment.from) / recordBytesMin);
  if (header.recordCount > room) {
    throw new BatchFault(`it declares ${header.recordCount} records and has room for ${room}`);
  }
  survey.segments.push(segment);
  survey.recordCount += header.recordCount;
  survey.heldBytes += segment.to - segment.from + header.recordCount * indexBytesPerRecord;
  if (segment.bytes !== bytes) survey.inflatedBytes += segment.to - segment.from;
}

/** Undefined when the batch is too large to be decoded in one go; what is damaged may be taken for that. */
function inflateBatch(
  bytes: Buffer,
  from: number,
  to: number,
  header: BatchHeader,
  codecs: Codecs,
  heldBytesMax: number,
): Inflated | undefined {
  const codec = codecNames[header.attributes & batchAttributes.codecMask];
  if (codec === undefined) throw new BatchFault("it is compressed with a codec that Kafka does not have");
  // A count is only believed as far as the bytes allow, which the caller looks at.
  const indexBytes = header.recordCount * indexBytesPerRecord;
  if (codec === "none") {
    const isLarge = to - from + indexBytes > heldBytesMax && header.recordCount <= (to - from) / recordBytesMin;
    return isLarge ? undefined : { header, bytes, from, to };
  }
  const bytesMax = Math.min(inflatedBytesMax, heldBytesMax);
  let inflated: Uint8Array;
  try {
    inflated = codecs[codec](bytes.subarray(from, to), bytesMax);
  } catch (thrown) {
    if (heldBytesMax < inflatedBytesMax) return undefined;
    throw new BatchFault(`its ${codec} bytes do not inflate to at most ${bytesMax} bytes`, { cause: thrown });
  }
  assert(inflated.length <= bytesMax, `${codec} inflated ${inflated.length} bytes`);
  if (inflated.length + indexBytes > heldBytesMax && header.recordCount <= inflated.length / recordBytesMin)
    return undefined;
  const own = ownBytes(inflated);
  return { header, bytes: own, from: 0, to: own.length };
}

/** Without the memory that a decoder allocated and did not fill. */
function ownBytes(inflated: Uint8Array): Buffer {
  if (inflated.buffer.byteLength > inflated.length * 1.25) return Buffer.from(inflated);
  return Buffer.from(inflated.buffer, inflated.byteOffset, inflated.length);
}

/** One buffer for all segments: their own when they share it, else a copy of their records side by side. */
function combine(fetched: Buffer, { segments }: Survey): Buffer {
  const first = segments[0]?.bytes ?? fetched;
  if (segments.every((segment) => segment.bytes === first)) return first;
  const whole = Buffer.allocUnsafe(segments.reduce((sum, { from, to }) => sum + to - from, 0));
  let at = 0;
  for (const { bytes, from, to } of segments) at += bytes.copy(whole, at, from, to);
  return whole;
}

/** The size of the batch at `at`, which may be more than what is there. */
function checkedLength(bytes: Buffer, at: number): number {
  if (bytes.length - at < lengthPrefixBytes) return lengthPrefixBytes;
  const byteLength = lengthPrefixBytes + bytes.readInt32BE(at + batchLayout.length);
  const magic = bytes[at + batchLayout.magic];
  if (magic !== undefined && magic !== 2) {
    throw new BatchFault(`its format is version ${magic}; only version 2 (Kafka 0.11 and later) is read`);
  }
  if (byteLength < batchLayout.records) throw new BatchFault(`it declares a size of ${byteLength} bytes`);
  return byteLength;
}

function checkBatch(bytes: Buffer, at: number, header: BatchHeader, offsetMin: Offset, context: FetchContext): void {
  const { baseOffset, lastOffset, recordCount, byteLength } = header;
  const { offsetAsked, endOffset } = context;
  if (context.verifyCrc) {
    const declared = bytes.readUInt32BE(at + batchLayout.crc);
    const actual = crc32c(bytes, at + batchLayout.attributes, at + byteLength);
    if (declared !== actual) throw new BatchFault(`its CRC32C is ${actual} and should be ${declared}`);
  }
  if (baseOffset < offsetMin || lastOffset < baseOffset || !Number.isSafeInteger(lastOffset)) {
    throw new BatchFault(`its offsets ${baseOffset} to ${lastOffset} do not follow ${offsetMin - 1}`);
  }
  // Nobody sends a batch that ends before what was asked for: the one that was is hidden behind these offsets.
  if (at === 0 && lastOffset < offsetAsked) {
    throw new BatchFault(`its offsets ${baseOffset} to ${lastOffset} do not reach ${offsetAsked}, which was asked for`);
  }
  if (baseOffset > Math.max(offsetMin, offsetAsked)) checkGap(bytes, at + byteLength, header, offsetMin, endOffset);
  // No upper limit: a batch is valid whatever its count, if the bytes agree, which is checked once it is inflated.
  if (recordCount < 0) throw new BatchFault(`it declares ${recordCount} records`);
}

/** A gap before a batch is legitimate, but not when its offsets are taken from others: then they are what is damaged. */
function checkGap(bytes: Buffer, next: number, header: BatchHeader, offsetMin: Offset, endOffset: Offset): void {
  const { baseOffset, lastOffset } = header;
  const nextBase = bytes.length - next < batchLayout.crc ? Number.POSITIVE_INFINITY : readLong(bytes, next);
  if (nextBase <= lastOffset && nextBase >= offsetMin) {
    throw new BatchFault(`its offsets ${baseOffset} to ${lastOffset} run into the next batch, at ${nextBase}`);
  }
  if (endOffset >= 0 && lastOffset >= endOffset) {
    throw new BatchFault(`its offsets ${baseOffset} to ${lastOffset} run past the end of the log, ${endOffset}`);
  }
}

/** What is wrong with the batch that `work` is about; undefined when nothing is. */
function faultIn(work: () => void): BatchFault | undefined {
  try {
    work();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof BatchFault) return thrown;
    throw thrown;
  }
}

function damaged(context: FetchContext, bytes: Buffer, at: number, cause: BatchFault): DamagedBatchError {
  return new DamagedBatchError(context, bytes, at, cause.message, { cause });
}
