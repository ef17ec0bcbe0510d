import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Counts and sums payments by customer: one output per payment. Everything is as Kafka Streams has it by default but for
 * exactly-once, the copies of its topics, the folder of its state and its name.
 */
public final class CountPayments {
  public static void main(String[] args) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, args[0]);
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[1]);
    config.put(StreamsConfig.CLIENT_ID_CONFIG, args[2]);
    config.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    config.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 3);
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("payments"), Serdes.String(), Serdes.String()));
    builder
        .<String, String>stream(args[4], org.apache.kafka.streams.kstream.Consumed.with(Serdes.String(), Serdes.String()))
        .process(Counting::new, "payments")
        .to(args[5], org.apache.kafka.streams.kstream.Produced.with(Serdes.String(), Serdes.String()));
    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    streams.setStateListener((now, before) -> {
      System.out.println(now);
      System.out.flush();
    });
    streams.start();
  }

  private static final class Counting implements Processor<String, String, String, String> {
    private ProcessorContext<String, String> context;
    private KeyValueStore<String, String> store;

    @Override
    public void init(ProcessorContext<String, String> context) {
      this.context = context;
      this.store = context.getStateStore("payments");
    }

    @Override
    public void process(Record<String, String> payment) {
      String held = store.get(payment.key());
      String[] parts = held == null ? new String[] {"0", "0"} : held.split(",");
      long count = Long.parseLong(parts[0]) + 1;
      double spent = Double.parseDouble(parts[1]) + Double.parseDouble(payment.value().split(",")[1]);
      String next = count + "," + spent;
      store.put(payment.key(), next);
      context.forward(payment.withValue(next));
    }
  }
}
