/** Puts row `order[i]` at place i, for all of `order`, whose rows are distinct, without a second array of rows. */
export function moveRows(rows: Float64Array, width: number, order: Uint32Array, rowCount: number): void {
  const rowFor = wholeOrder(order, rowCount);
  const held = new Float64Array(width);
  for (let first = 0; first < rowCount; first++) {
    // Round by round: each place takes its row, and the last one of a round that of the first.
    if (rowFor[first] === first) continue;
    held.set(rows.subarray(first * width, (first + 1) * width));
    let to = first;
    for (;;) {
      const from = rowFor[to] as number;
      rowFor[to] = to;
      if (from === first) break;
      rows.copyWithin(to * width, from * width, (from + 1) * width);
      to = from;
    }
    rows.set(held, to * width);
  }
}

/** The order with all rows behind it that are not in it, so that every row has a place. */
function wholeOrder(order: Uint32Array, rowCount: number): Uint32Array {
  const whole = new Uint32Array(rowCount);
  for (const row of order) whole[row] = 1;
  let at = rowCount;
  // From behind: a place is read before it is written to, since at most as many rows are left as places are.
  for (let row = rowCount - 1; row >= 0; row--) if (whole[row] === 0) whole[--at] = row;
  whole.set(order);
  return whole;
}
