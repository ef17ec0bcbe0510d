/** Parts of the generated pages. */
export const notice = "<!-- Made from the code by `npm run reference`; changes belong there. -->";

/** A row of a table. */
export function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}

export function code(text: string): string {
  return `\`${text}\``;
}
