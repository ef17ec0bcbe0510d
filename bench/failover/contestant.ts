/** Partitions of the input, of the output and so of the tasks. */
export const partitions = 12;
/** Copies of every partition, and brokers. */
export const replication = 3;
/** Worker processes. */
export const slots = 3;

export interface Payment {
  readonly id: string;
  readonly customer: string;
  readonly paidAtMs: number;
  readonly amount: number;
}

export type Encode = (payment: Payment) => Buffer;

/** Something that counts payments by customer in three processes, exactly once, and whose processes can be killed. */
export interface Contestant {
  readonly name: string;
  readonly group: string;
  readonly inputTopic: string;
  /** One output per payment, in the partition with the number of the payment's. */
  readonly outputTopic: string;
  readonly encode: Encode;
  /** Starts the process of a slot; resolves when it is at work. */
  start(slot: number): Promise<void>;
  /** Kills the process that does the work, and has another take its place; resolves when that is at work. */
  replace(slot: number, killed: () => void): Promise<void>;
  /** Whether a member of the group is the slot's. */
  isOf(slot: number, member: { readonly memberId: string; readonly clientId: string }): boolean;
  stop(): Promise<void>;
}
