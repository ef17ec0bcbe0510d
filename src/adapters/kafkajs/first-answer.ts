import type { Clock } from "../../kernel/index.ts";
import { verdictOf } from "./errors.ts";

/** How long whoever is asked may keep silent before the next is asked too. */
const silentMsMax = 500;

export interface Round {
  readonly clock: Clock;
  /** In the order in which they are asked; at least one. */
  readonly addresses: readonly string[];
  /** An address has kept silent for half a second; its answer still counts if it is the first. */
  silent(address: string): void;
  /** Nobody is left to be asked: all that can be done is wait. */
  exhausted(): void;
}

/**
 * Asks one address after the other, the next as soon as one fails or has kept silent for half a second, and gives the
 * first answer, whoever it comes from. Later answers are dropped.
 *
 * Rejects when all have failed: with a refusal of this client, if there was one, else with the last error.
 */
export function firstAnswer<T>(round: Round, ask: (address: string) => Promise<T>): Promise<T> {
  const { clock, addresses } = round;
  return new Promise((resolve, reject) => {
    let asked = 0;
    let failed = 0;
    let isOver = false;
    let last: unknown;
    let patience = new AbortController();
    const end = (): void => {
      isOver = true;
      patience.abort();
    };
    const askNext = (): void => {
      const address = addresses[asked];
      if (isOver || address === undefined) return;
      asked++;
      patience.abort();
      patience = new AbortController();
      ask(address).then(
        (answer) => {
          end();
          resolve(answer);
        },
        (error: unknown) => {
          failed++;
          if (verdictOf(last) !== "denied") last = error;
          if (failed < addresses.length) return askNext();
          end();
          reject(last);
        },
      );
      if (asked === addresses.length) round.exhausted();
      const goOn = (): void => {
        round.silent(address);
        askNext();
      };
      clock.sleep(silentMsMax, patience.signal).then(goOn, () => undefined);
    };
    askNext();
  });
}
