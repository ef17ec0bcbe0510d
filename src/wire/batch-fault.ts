/** What is wrong with a batch; `decodeFetched` adds topic, partition and offset and makes it an operating error. */
export class BatchFault extends Error {
  override readonly name = "BatchFault";
}
