/**
 * The addresses of a cluster's brokers, and in which order to ask them when any will do.
 *
 * The cluster's own word is followed: brokers that it names are asked, those that it names no more are left out. The
 * bootstrap addresses stay, behind them. Whoever did not answer goes last, until it does.
 */
export class AddressBook {
  readonly #bootstrap: readonly string[];
  #nodes = new Map<number, string>();
  /** Those that failed since they last answered, longest ago first. */
  readonly #failed = new Set<string>();

  constructor(bootstrap: readonly string[]) {
    this.#bootstrap = bootstrap;
  }

  /** Undefined for a node that the cluster does not name. */
  of(node: number): string | undefined {
    return this.#nodes.get(node);
  }

  /** The brokers of the cluster as it names them now, in full. A list without any says nothing. */
  learn(brokers: readonly { readonly node: number; readonly address: string }[]): void {
    if (brokers.length > 0) this.#nodes = new Map(brokers.map(({ node, address }) => [node, address]));
  }

  /** One broker of the cluster. */
  note(node: number, address: string): void {
    this.#nodes.set(node, address);
  }

  answered(address: string): void {
    this.#failed.delete(address);
  }

  failed(address: string): void {
    this.#failed.delete(address);
    this.#failed.add(address);
  }

  /** Every address once, in the order in which to ask. */
  inOrder(): string[] {
    const all = new Set([...this.#nodes.values(), ...this.#bootstrap]);
    const failed = [...this.#failed].filter((address) => all.has(address));
    return [...[...all].filter((address) => !this.#failed.has(address)), ...failed];
  }
}
