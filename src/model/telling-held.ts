import type { Scorer } from "./scorer.ts";

/** Rows of an input at which it is told of: at once, and then each time that it is a hundred times as much. */
const toldAtFirst = 1;
const toldAgainTimes = 100;

/**
 * A scorer whose held inputs are told of: the first row of an input, the hundredth, the ten thousandth and so on. The
 * scores are the same; a micro-batch without held inputs costs one comparison.
 *
 * @param tell input, and rows in which it was held so far
 */
export function tellingHeld(scorer: Scorer, tell: (input: string, rows: number) => void): Scorer {
  const { held, signature } = scorer;
  if (held === undefined) return scorer;
  const tellAt = signature.inputs.map(() => toldAtFirst);
  let seen = 0;
  const look = (): void => {
    seen = held.total;
    for (const [input, { name }] of signature.inputs.entries()) {
      const rows = held.rows[input] as number;
      if (rows < (tellAt[input] as number)) continue;
      while ((tellAt[input] as number) <= rows) tellAt[input] = (tellAt[input] as number) * toldAgainTimes;
      tell(name, rows);
    }
  };
  return {
    signature,
    held,
    ...(scorer.code === undefined ? {} : { code: scorer.code.bind(scorer) }),
    score(rows, rowCount, into, intoAt) {
      const done = scorer.score(rows, rowCount, into, intoAt);
      if (held.total > seen) look();
      return done;
    },
  };
}
