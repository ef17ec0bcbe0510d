/** What the loop's demo says at its end. */

/** An incident as the log of alerts has it. */
export interface IncidentTold {
  readonly id: string;
  readonly cause: string;
  /** On the topic of alerts; undefined while it is open. */
  readonly openedAt: number;
  readonly closedAt: number | undefined;
}

export interface LoopResult {
  /** Offset of the first event after the drift, on the inbox; undefined where none was injected. */
  readonly injectedAt: number | undefined;
  readonly incidents: readonly IncidentTold[];
  readonly promotions: readonly {
    readonly from: number;
    readonly to: number;
    /** First offset of the features that the new version scores. */
    readonly at: number;
  }[];
  /** Of both versions on the rows after the last promotion. */
  readonly aucs: { readonly old: number; readonly new: number; readonly rows: number } | undefined;
  readonly seconds: number;
}

/** The last lines, for people and for whoever reads them by machine. */
export function closing({ injectedAt, incidents, promotions, aucs, seconds }: LoopResult): string {
  const lines = [
    ...incidents.map(
      ({ id, cause, openedAt, closedAt }) =>
        `incident ${id} cause ${cause} opened ${openedAt} closed ${closedAt ?? "-"}`,
    ),
    ...promotions.map(({ from, to, at }) => `version ${from} -> ${to} at ${at}`),
    ...(aucs === undefined ? [] : [`auc old ${aucs.old.toFixed(3)} new ${aucs.new.toFixed(3)} rows ${aucs.rows}`]),
  ];
  if (injectedAt === undefined)
    return [...lines, `seconds ${Math.round(seconds)}`, countsOf(incidents, promotions), ""].join("\n");
  return [`drift injected at ${injectedAt}`, ...lines, `seconds ${Math.round(seconds)}`, ""].join("\n");
}

function countsOf(incidents: readonly unknown[], promotions: readonly unknown[]): string {
  return `incidents ${incidents.length} promotions ${promotions.length}`;
}

export function opening(airport: string, isDrifting: boolean): string {
  const drift = isDrifting
    ? "On 9 February we inject a drift: long flights meet a headwind of half an hour, and two of three short ones\nare cancelled. Nobody tells the model."
    : "Nothing is injected: January and February as they were.";
  return `The flights from ${airport} in early 2001. A model learns from January who will be late; then February comes, day by day.\n${drift}\n\n`;
}
