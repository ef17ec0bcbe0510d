import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { admin } from "./admin.ts";
import { appending } from "./appending.ts";
import { assignment } from "./assignment.ts";
import { Bench, type BrokerContractOptions } from "./bench.ts";
import { changelogs } from "./changelogs.ts";
import { delivery } from "./delivery.ts";
import { following } from "./following.ts";
import { growth } from "./growth.ts";
import { handles } from "./handles.ts";
import { reading } from "./reading.ts";
import { rebalance } from "./rebalance.ts";
import { taking } from "./taking.ts";
import { transactions } from "./transactions.ts";
import { writing } from "./writing.ts";

/**
 * What every implementation of the `Broker` port must do, written with the port alone.
 *
 * It assumes nothing about batch boundaries, nor that an assignment comes at once. Topics and groups have fresh
 * names, so a suite can run against a cluster that others use.
 */
export function brokerContract(options: BrokerContractOptions): void {
  const { name, create, delivery: mode, isOnlyTransactions = false, deadlineMs = 30_000 } = options;
  describe(`${name} as a broker, ${mode}`, () => {
    let bench: Bench | undefined;
    const current = (): Bench => {
      if (bench === undefined) throw new Error("the broker under test was not created");
      return bench;
    };
    beforeAll(async () => {
      bench = new Bench(await create(), mode, deadlineMs);
    });
    afterEach(() => bench?.endTest());
    afterAll(() => bench?.dispose());

    if (mode === "exactly-once") {
      describe("transactions", () => transactions(current));
      describe("taking", () => taking(current));
    }
    if (isOnlyTransactions) return;
    describe("assignment", () => assignment(current));
    describe("rebalance", () => rebalance(current));
    describe("handles", () => handles(current));
    describe("writing", () => writing(current));
    describe("following", () => following(current));
    if (mode === "at-least-once") describe("changelogs", () => changelogs(current));
    // What is read and what is written without a task is the same in both.
    if (mode === "exactly-once") return;
    describe("growth", () => growth(current));
    describe("delivery", () => delivery(current));
    describe("appending", () => appending(current));
    describe("reading", () => reading(current));
    describe("admin", () => admin(current));
  });
}
