import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * Avro's own reading and writing, beside ours. Takes lines of three words in base64 on standard input: the writer's
 * schema, the reader's, a body. Prints the body as Java writes it after it has resolved it, in base64.
 */
public final class AvroOracle {
  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    StringBuilder out = new StringBuilder();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ", -1);
      Schema writer = new Schema.Parser().parse(text(words[0]));
      Schema reader = new Schema.Parser().parse(text(words[1]));
      byte[] body = Base64.getDecoder().decode(words[2]);
      Object value =
          new GenericDatumReader<>(writer, reader).read(null, DecoderFactory.get().binaryDecoder(body, null));
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
      new GenericDatumWriter<>(reader).write(value, encoder);
      encoder.flush();
      out.append(Base64.getEncoder().encodeToString(bytes.toByteArray())).append('\n');
    }
    System.out.print(out);
  }

  private static String text(String base64) {
    return new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8);
  }
}
