import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends events with Kafka's own producer: its partitioner, its batches, its clock. Run from source:
 * {@code java -cp 'libs/*' EventProducer.java BOOTSTRAP TOPIC FILE PER_SECOND [PROPERTY=VALUE ...]}.
 *
 * A line of the file is a key, a tab and the value in base64; {@code -} stands for a value that is null. PER_SECOND 0
 * sends as fast as the producer takes them. Prints {@code partition offset} per event, in the order of the file,
 * after all of them are acknowledged.
 */
public final class EventProducer {
  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", args[0]);
    properties.put("acks", "all");
    properties.put("linger.ms", "5");
    for (int i = 4; i < args.length; i++) {
      int at = args[i].indexOf('=');
      properties.put(args[i].substring(0, at), args[i].substring(at + 1));
    }
    long perSecond = Long.parseLong(args[3]);
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        BufferedReader lines = Files.newBufferedReader(Path.of(args[2]), StandardCharsets.UTF_8)) {
      producer.partitionsFor(args[1]);
      long begin = System.nanoTime();
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (perSecond > 0) {
          pace(begin + sent.size() * 1_000_000_000L / perSecond);
        }
        int tab = line.indexOf('\t');
        byte[] key = line.substring(0, tab).getBytes(StandardCharsets.UTF_8);
        String value = line.substring(tab + 1);
        byte[] bytes = value.equals("-") ? null : Base64.getDecoder().decode(value);
        sent.add(producer.send(new ProducerRecord<>(args[1], key, bytes)));
      }
    }
    StringBuilder out = new StringBuilder();
    for (Future<RecordMetadata> answer : sent) {
      RecordMetadata at = answer.get();
      out.append(at.partition()).append(' ').append(at.offset()).append('\n');
    }
    System.out.print(out);
  }

  private static void pace(long dueNanos) {
    for (long left = dueNanos - System.nanoTime(); left > 0; left = dueNanos - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }
}
