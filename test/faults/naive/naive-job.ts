/** A stage as its consumer sees it: names in the cluster. */
export interface NaiveStage {
  readonly group: string;
  readonly from: string;
  readonly to: string;
}

/** What the harness tells a naive worker; JSON. */
export interface NaiveJob {
  readonly clientId: string;
  readonly brokers: readonly string[];
  readonly inbox: string;
  readonly ingest: NaiveStage;
  readonly features: NaiveStage;
  readonly report: NaiveStage;
}
