import type { Offset } from "../../kernel/index.ts";
import type { Adoption } from "../../model/index.ts";

/** From an offset on, a version. */
export interface VersionSwitch {
  readonly fromOffset: Offset;
  readonly version: number;
}

/**
 * Which version scores which offset of a task's input, as its adoptions say: that of the last one whose `fromOffset` is not
 * behind the offset. Of two with the same one, between which nothing was scored, the later counts.
 */
export class VersionHistory {
  readonly #switches: VersionSwitch[] = [];

  /** @param adoptions of one key, in their order on the topic */
  constructor(adoptions: readonly Pick<Adoption, "fromOffset" | "version">[] = []) {
    for (const adoption of adoptions) this.add(adoption);
  }

  /** Takes in the next adoption of the topic. */
  add({ fromOffset, version }: VersionSwitch): void {
    let at = this.#switches.length;
    while (at > 0 && (this.#switches[at - 1] as VersionSwitch).fromOffset > fromOffset) at--;
    const isSame = this.#switches[at - 1]?.fromOffset === fromOffset;
    this.#switches.splice(isSame ? at - 1 : at, isSame ? 1 : 0, { fromOffset, version });
  }

  /** The version that scores an offset; undefined before the first adoption. */
  at(offset: Offset): number | undefined {
    return this.#switches.findLast(({ fromOffset }) => fromOffset <= offset)?.version;
  }

  /** Where the first adoption behind an offset begins; Infinity when there is none. */
  nextAfter(offset: Offset): Offset {
    return this.#switches.find(({ fromOffset }) => fromOffset > offset)?.fromOffset ?? Number.POSITIVE_INFINITY;
  }

  /** Where the last adoption begins; -Infinity when there is none. */
  get lastFrom(): Offset {
    return this.#switches.at(-1)?.fromOffset ?? Number.NEGATIVE_INFINITY;
  }
}
