/** Longest line of a wrapped list. */
const lineLengthMax = 100;

/** `1 partition`, `4 partitions`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A list after its first words, on lines of bearable length; nothing for an empty list. */
export function wrapped(first: string, items: readonly string[]): string[] {
  const lines: string[] = [];
  let line = first;
  for (const [index, item] of items.entries()) {
    const text = index === items.length - 1 ? item : `${item}, `;
    if (line.length + text.trimEnd().length > lineLengthMax && line.trim() !== "") {
      lines.push(line.trimEnd());
      line = "    ";
    }
    line += text;
  }
  return items.length === 0 ? [] : [...lines, line];
}
