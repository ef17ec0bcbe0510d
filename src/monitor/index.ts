export { type AlertRules, defaultRules } from "./alert-machine.ts";
export { Baseline, type CountedWindow, type Season } from "./baseline.ts";
export { type Cells, categoryCells, numberCells, quantileEdges } from "./cells.ts";
export { detectorCatalogue } from "./detectors/catalogue.ts";
export type { Detector, DetectorDefinition, Signal } from "./detectors/detector.ts";
export { type IncidentStep, Incidents } from "./incidents.ts";
export { budgetProbability, type PageBudget } from "./page-budget.ts";
export { merged, type Partial, PartialCounter } from "./partial.ts";
export { judge, type Thresholds, type Verdict } from "./verdict.ts";
