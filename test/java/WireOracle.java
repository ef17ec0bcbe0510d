import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;

/**
 * Kafka's own reading and writing of record batches, beside ours. Run from source:
 * {@code java -cp 'libs/*' WireOracle.java read FILE} or {@code ... write FOLDER}.
 *
 * A file of batches is a chain of a length (4 bytes) and one batch. Records are printed as JSON lines.
 */
public final class WireOracle {
  private static final int RECORDS = 400;
  private static final int LARGE_BYTES = 200_000;
  private static final long BASE_TIME = 1_700_000_000_000L;

  public static void main(String[] args) throws Exception {
    Path path = Path.of(args[1]);
    switch (args[0]) {
      case "read" -> read(path);
      case "write" -> write(path);
      default -> throw new IllegalArgumentException(args[0]);
    }
  }

  /** Prints every record of every batch, after Kafka has checked the batch. */
  private static void read(Path file) throws Exception {
    StringBuilder out = new StringBuilder();
    try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
      for (int n = 0; ; n++) {
        byte[] bytes;
        try {
          bytes = new byte[in.readInt()];
        } catch (EOFException end) {
          break;
        }
        in.readFully(bytes);
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).batches()) {
          batch.ensureValid();
          for (Record record : batch) {
            record.ensureValid();
            out.append(json(n, record)).append('\n');
          }
        }
      }
    }
    System.out.print(out);
  }

  /** Writes, per codec, a fetch of batches with a control batch between, and what a reader must see of it. */
  private static void write(Path folder) throws Exception {
    for (CompressionType type : CompressionType.values()) {
      List<ByteBuffer> batches = new ArrayList<>();
      List<String> lines = new ArrayList<>();
      Random random = new Random(20_010_101L + type.id);
      long offset = 5_000_000_000L;
      offset = plain(type, offset, random, batches, lines);
      // Transactions of two producers that overlap; the one that began later aborts first.
      offset = transactional(type, offset, 7, "aborted", batches, lines);
      offset = transactional(type, offset, 8, "aborted", batches, lines);
      offset = marker(offset, 8, ControlRecordType.ABORT, batches);
      offset = transactional(type, offset, 7, "aborted", batches, lines);
      offset = transactional(type, offset, 8, "committed", batches, lines);
      offset = marker(offset, 7, ControlRecordType.ABORT, batches);
      offset = marker(offset, 8, ControlRecordType.COMMIT, batches);
      plain(type, offset, random, batches, lines);
      try (DataOutputStream out =
          new DataOutputStream(Files.newOutputStream(folder.resolve(type.name + ".batches")))) {
        for (ByteBuffer batch : batches) {
          out.writeInt(batch.remaining());
          out.write(batch.array(), batch.arrayOffset() + batch.position(), batch.remaining());
        }
      }
      Files.write(folder.resolve(type.name + ".jsonl"), lines);
    }
  }

  /** Several hundred records with headers, null keys, tombstones, noise, repetition and one large value. */
  private static long plain(
      CompressionType type, long base, Random random, List<ByteBuffer> batches, List<String> lines) {
    MemoryRecordsBuilder builder = builder(type, base, RecordBatch.NO_PRODUCER_ID, false);
    for (int n = 0; n < RECORDS; n++) {
      byte[] key = n % 5 == 0 ? null : text("key-" + random.nextInt(50));
      byte[] value = n % 7 == 0 ? null : n == 201 ? large(random) : n % 3 == 0 ? noise(random, n) : text("event ".repeat(n % 40));
      Header[] headers = n % 4 == 0 ? headers(n) : Record.EMPTY_HEADERS;
      builder.append(BASE_TIME + random.nextInt(100_000) - n * 1_000L, key, value, headers);
    }
    return close(builder, base, batches, lines);
  }

  private static long transactional(
      CompressionType type, long base, long producer, String word, List<ByteBuffer> batches, List<String> lines) {
    MemoryRecordsBuilder builder = builder(type, base, producer, true);
    for (int n = 0; n < 20; n++) builder.append(BASE_TIME + n, new byte[4], text(word + " " + n));
    return close(builder, base, batches, word.equals("committed") ? lines : new ArrayList<>());
  }

  private static MemoryRecordsBuilder builder(CompressionType type, long base, long producer, boolean transactional) {
    boolean idempotent = producer != RecordBatch.NO_PRODUCER_ID;
    return MemoryRecords.builder(
        ByteBuffer.allocate(64 * 1024), RecordBatch.MAGIC_VALUE_V2, Compression.of(type).build(),
        TimestampType.CREATE_TIME, base, RecordBatch.NO_TIMESTAMP, producer,
        idempotent ? (short) 0 : RecordBatch.NO_PRODUCER_EPOCH, idempotent ? 0 : RecordBatch.NO_SEQUENCE,
        transactional, 0);
  }

  private static long close(MemoryRecordsBuilder builder, long base, List<ByteBuffer> batches, List<String> lines) {
    MemoryRecords records = builder.build();
    long next = base;
    for (Record record : records.records()) {
      lines.add(json(0, record));
      next = record.offset() + 1;
    }
    batches.add(records.buffer().duplicate());
    return next;
  }

  private static long marker(long offset, long producer, ControlRecordType type, List<ByteBuffer> batches) {
    MemoryRecords records = MemoryRecords.withEndTransactionMarker(
        offset, BASE_TIME, 0, producer, (short) 0, new EndTransactionMarker(type, 0));
    batches.add(records.buffer().duplicate());
    return offset + 1;
  }

  private static Header[] headers(int n) {
    return new Header[] {
      new RecordHeader("trace", text("t" + n)), new RecordHeader("empty", new byte[0]),
      new RecordHeader("trace", null), new RecordHeader("zürich", noise(new Random(n), 5)),
    };
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] noise(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  /** Half noise, half repetition. */
  private static byte[] large(Random random) {
    byte[] bytes = noise(random, LARGE_BYTES);
    for (int i = LARGE_BYTES / 2; i < LARGE_BYTES; i++) bytes[i] = bytes[i - 1_000];
    return bytes;
  }

  private static String json(int batch, Record record) {
    StringBuilder headers = new StringBuilder();
    for (Header header : record.headers()) {
      headers.append(headers.length() == 0 ? "" : ",")
          .append("[\"").append(base64(text(header.key()))).append("\",").append(quoted(header.value())).append(']');
    }
    return "{\"batch\":" + batch + ",\"offset\":" + record.offset() + ",\"timestampMs\":" + record.timestamp()
        + ",\"key\":" + quoted(bytes(record.key())) + ",\"value\":" + quoted(bytes(record.value()))
        + ",\"headers\":[" + headers + "]}";
  }

  private static byte[] bytes(ByteBuffer buffer) {
    if (buffer == null) return null;
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  private static String quoted(byte[] bytes) {
    return bytes == null ? "null" : "\"" + base64(bytes) + "\"";
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }
}
