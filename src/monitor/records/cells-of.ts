import { type Cells, categoryCells, numberCells } from "../cells.ts";
import type { CellsSource } from "./baseline-record.ts";

/** Of a field that held no number at all in the reference: any that comes is above, below, or this one. */
const edgeOfNothing = [0];

/** The cells that a baseline's record describes: the same wherever they are made. */
export function cellsOf(source: CellsSource): Cells {
  if (source.kind === "categories") return categoryCells(new Map(source.values));
  return numberCells(source.edges.length === 0 ? edgeOfNothing : source.edges);
}
