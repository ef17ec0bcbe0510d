import { topicPartitionKey } from "../../kernel/index.ts";
import type { GroupMember, MemberIdentity } from "./group-member.ts";
import type { OffsetToCommit } from "./offset-commit-request.ts";

/**
 * Asked in the turn in which the request is made, with the member that makes it: answers what the task commits, or throws
 * when the task is no longer to commit.
 */
export type ClaimOffsets = (as: MemberIdentity) => readonly OffsetToCommit[];

interface Waiting {
  readonly claim: ClaimOffsets;
  resolve(): void;
  reject(error: unknown): void;
}

interface Claimed extends Waiting {
  readonly offsets: readonly OffsetToCommit[];
}

/**
 * The commits of all tasks of one member: one request at a time carries whatever tasks have to commit when it is made.
 *
 * Requests of a group go to one coordinator, which answers them one after the other; a request per task would make each
 * task wait for all others. Whose claim throws is not in the request, and each task is told only of its own partitions.
 */
export class GroupCommits {
  readonly #member: Pick<GroupMember, "identity" | "commit">;
  readonly #settled: () => Promise<void>;
  #waiting: Waiting[] = [];
  #isSending = false;

  /** @param settled resolves while no join is under way, and rejects when the member has ended */
  constructor(member: Pick<GroupMember, "identity" | "commit">, settled: () => Promise<void>) {
    this.#member = member;
    this.#settled = settled;
  }

  /**
   * Resolves when the coordinator has confirmed every partition of the claim. Never tries again. A commit that still waits
   * when `signal` is aborted is not made; what is on its way then is awaited.
   */
  commit(claim: ClaimOffsets, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const cut = (): void => {
        const place = this.#waiting.indexOf(waiting);
        if (place === -1) return;
        this.#waiting.splice(place, 1);
        reject(signal.reason);
      };
      const done = (): void => signal.removeEventListener("abort", cut);
      const waiting: Waiting = {
        claim,
        resolve: () => {
          done();
          resolve();
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#waiting.push(waiting);
      signal.addEventListener("abort", cut, { once: true });
      if (this.#isSending) return;
      this.#isSending = true;
      // What other tasks commit in this turn goes with it.
      setImmediate(() => void this.#send());
    });
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const failure = await this.#settled().catch((error: unknown) => ({ error }));
      const waiting = this.#waiting;
      this.#waiting = [];
      if (failure !== undefined) for (const { reject } of waiting) reject(failure.error);
      else await this.#commit(waiting);
    }
    this.#isSending = false;
  }

  async #commit(waiting: readonly Waiting[]): Promise<void> {
    // R3: one identity for all, in the turn in which each task says that it is still owned.
    const as = this.#member.identity;
    const claimed = waiting.flatMap((one) => claimedBy(one, as));
    if (claimed.length === 0) return;
    try {
      const refused = await this.#member.commit(
        as,
        claimed.flatMap(({ offsets }) => offsets),
      );
      for (const { offsets, resolve, reject } of claimed) {
        const error = offsets
          .map(({ topic, partition }) => refused.get(topicPartitionKey(topic, partition)))
          .find(Boolean);
        if (error === undefined) resolve();
        else reject(error);
      }
    } catch (error) {
      for (const { reject } of claimed) reject(error);
    }
  }
}

function claimedBy(one: Waiting, as: MemberIdentity): Claimed[] {
  try {
    return [{ ...one, offsets: one.claim(as) }];
  } catch (error) {
    one.reject(error);
    return [];
  }
}
