import { setTimeout as delay } from "node:timers/promises";
import { decodeAdoption } from "../../src/model/index.ts";
import { type ModelLoop, partitions } from "../kafka/support/model-loop.ts";
import { readAlertRecords, readRetrainingRecords } from "./read-logs.ts";

const lookedAgainMs = 50;
/** Many times what anything takes on an idle machine: a standstill, and no slowness. */
const msMax = 120_000;

/** How far a run has come, by positions and by what stands on topics. */
export class Progress {
  readonly #loop: ModelLoop;

  constructor(loop: ModelLoop) {
    this.#loop = loop;
  }

  /** Waits until every stage, the labeller and the judge have committed what is there for them, in the order of the chain. */
  async untilWorkedOff(): Promise<void> {
    const { stages } = this.#loop;
    for (const name of stages) await this.until(`stage ${name} to be done`, () => this.#loop.isWorkedOff([name]));
    for (const { name, group, topic } of this.#roles)
      await this.until(`the ${name} to be done`, () => this.#loop.hasReadAll(group, topic));
  }

  /** Waits until no request is open: the trainer holds its position back while one is, or something follows from one. */
  async untilTrained(): Promise<void> {
    const { group = "", clusterName = "" } = this.#loop.plan.retraining ?? {};
    await this.until("the trainer to be done", () => this.#loop.hasReadAll(group, clusterName));
  }

  /** Waits until it is so. @throws Error that says what was waited for in vain */
  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const endMs = performance.now() + msMax;
    while (!(await isSo())) {
      if (performance.now() > endMs) throw new Error(`waited ${msMax} ms for ${what}`);
      await delay(lookedAgainMs);
    }
  }

  async hasEvent(type: string): Promise<boolean> {
    return (await readRetrainingRecords(this.#loop)).some((record) => record.type === type);
  }

  /** Partitions that have adopted a version after the first. */
  async adopted(): Promise<number> {
    const records = await this.#loop.read(this.#loop.plan.adoptions?.clusterName ?? "");
    const later = records.map(({ value }) => decodeAdoption(value!)).filter(({ version }) => version > 1);
    return new Set(later.map(({ partition }) => partition)).size;
  }

  async isOver(): Promise<boolean> {
    return (await this.lacking()) === undefined;
  }

  /** What a run is still to come to; undefined when nothing. */
  async lacking(): Promise<string | undefined> {
    const alerts = await readAlertRecords(this.#loop);
    const open = alerts.findLast(({ what }) => what !== "other");
    if (open === undefined) return "no incident was opened";
    if (!(await this.hasEvent("promoted"))) return "nothing was promoted";
    const adopted = await this.adopted();
    if (adopted < partitions) return `${adopted} partitions of ${partitions} have adopted a new version`;
    return open.what === "opened" ? `incident ${open.incident} is open` : undefined;
  }

  get #roles() {
    const { monitoring } = this.#loop.plan;
    if (monitoring?.labelled === undefined) throw new Error("the topology joins no labels");
    const { labelled, judgeGroup, topics } = monitoring;
    return [
      { name: "labeller", group: labelled.group, topic: labelled.clusterName },
      { name: "judge", group: judgeGroup, topic: topics.partials.clusterName },
    ];
  }
}
