/** Gets the Kafka that the tests start, so that lanes which run side by side find it there: jars, and an archive of classes. */
import { archiveKafkaClasses } from "../test/kafka/harness/node.ts";

await archiveKafkaClasses();
