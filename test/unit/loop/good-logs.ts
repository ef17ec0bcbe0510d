import type { LoopLogs } from "../../loop/logs.ts";

/** Two partitions of four records; from offset 2 of the one and 1 of the other version 2 serves. */
export const good: LoopLogs = {
  delivery: "exactly-once",
  model: "fraud",
  inputs: [0, 1].flatMap((partition) =>
    [0, 1, 2, 3].map((offset) => ({ partition, offset, eventId: `e-${partition}-${offset}` })),
  ),
  predictions: [
    ...[1, 1, 2, 2].map((version, offset) => ({ eventId: `e-0-${offset}`, model: "fraud", version })),
    ...[1, 2, 2, 2].map((version, offset) => ({ eventId: `e-1-${offset}`, model: "fraud", version })),
  ],
  adoptions: [
    { partition: 0, model: "fraud", alias: "champion", version: 1, fromOffset: 0, incident: null },
    { partition: 1, model: "fraud", alias: "champion", version: 1, fromOffset: 0, incident: null },
    { partition: 1, model: "fraud", alias: "champion", version: 2, fromOffset: 1, incident: "i1" },
    { partition: 0, model: "fraud", alias: "champion", version: 2, fromOffset: 2, incident: "i1" },
  ],
  aliases: [
    { model: "fraud", alias: "champion", version: 1, incident: null, request: null },
    { model: "fraud", alias: "previous", version: 1, incident: "i1", request: "r1" },
    { model: "fraud", alias: "champion", version: 2, incident: "i1", request: "r1" },
  ],
  retraining: ["requested", "started", "trained", "promoted"].map((type) => ({
    type,
    request: "r1",
    incident: "i1",
    version: type === "trained" || type === "promoted" ? 2 : null,
  })),
  alerts: [
    { incident: "i1", what: "opened" },
    { incident: "i1", what: "other" },
    { incident: "i1", what: "closed" },
  ],
  versions: [
    { version: 1, files: ["manifest.json"], broken: [] },
    { version: 2, files: ["gate.json", "manifest.json"], broken: [] },
  ],
  baselines: [{ monitor: "inputs", version: 2 }],
};
