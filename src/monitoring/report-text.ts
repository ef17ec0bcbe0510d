/** Text as HTML shows it, in elements and in attributes. */
export function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (letter) => entities[letter] ?? letter);
}

/** Three digits that count; `-` where there is no number. */
export function fixed(value: number): string {
  return Number.isNaN(value) ? "-" : String(Number(value.toPrecision(3)));
}

/** A share of a whole; `-` of nothing. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
}
