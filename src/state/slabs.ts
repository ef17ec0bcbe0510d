import { assert } from "../kernel/index.ts";
import { NumberStack } from "./number-stack.ts";

/** Numbers per slab: half a megabyte. An extent larger than that has a slab of its own. */
const slabLengthLog2 = 16;
const slabLength = 2 ** slabLengthLog2;
/** Extents come in sizes `unit * 2^sizeClass`. */
const sizeClassCount = 32;

/**
 * Hands out extents of numbers from a few large arrays, so that the collector sees one object per slab and
 * not one per key. An extent never straddles slabs; a freed one is used again for its size.
 *
 * An extent's address is a number below 2^32: slab number and place in the slab.
 */
export class Slabs {
  /** Numbers in an extent of size class 0. */
  readonly #unit: number;
  #slabs: Float64Array[] = [];
  /** Slab that small extents are cut from, and how much of it is given out. */
  #current = -1;
  #used = slabLength;
  readonly #free: NumberStack[] = Array.from({ length: sizeClassCount }, () => new NumberStack());

  constructor(unit: number) {
    this.#unit = unit;
  }

  /** The address of an extent of `unit * 2^sizeClass` numbers, whose content is arbitrary. */
  allocate(sizeClass: number): number {
    const free = this.#free[sizeClass];
    assert(free !== undefined, `size class ${sizeClass} is out of range`);
    if (free.length > 0) return free.pop();
    const size = this.#unit * 2 ** sizeClass;
    if (size > slabLength) return this.#addSlab(size) * slabLength;
    if (this.#used + size > slabLength) {
      this.#current = this.#addSlab(slabLength);
      this.#used = 0;
    }
    const address = this.#current * slabLength + this.#used;
    this.#used += size;
    return address;
  }

  release(address: number, sizeClass: number): void {
    this.#free[sizeClass]?.push(address);
  }

  /** The array that holds the extent; its first number is at {@link placeOf}. */
  slabOf(address: number): Float64Array {
    return this.#slabs[address >>> slabLengthLog2] ?? empty;
  }

  placeOf(address: number): number {
    return address & (slabLength - 1);
  }

  clear(): void {
    this.#slabs = [];
    this.#current = -1;
    this.#used = slabLength;
    for (const free of this.#free) free.clear();
  }

  #addSlab(length: number): number {
    const slab = this.#slabs.length;
    assert(slab < slabLength, "a store holds more than 2^16 slabs");
    this.#slabs.push(new Float64Array(length));
    return slab;
  }
}

const empty = new Float64Array(0);
