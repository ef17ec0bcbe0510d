import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type PolicyAlert,
  type PolicyDecision,
  type PolicyModel,
  type RetrainingEvent,
  RetrainingPolicy,
  type RetrainTrigger,
  readRetrainingEvent,
  retrainingRecord,
} from "../../../src/training/index.ts";

const hourMs = 3_600_000;
const retrain = {
  on: [{ kind: "drift" }, { kind: "performance" }, { kind: "quality" }, { kind: "age", ageMs: 240 * hourMs }],
  mode: "full",
  rows: 1000,
  cooldownMs: 6 * hourMs,
  perDay: 2,
  labelsMin: 10,
  breaker: 2,
  approve: false,
} as const satisfies PolicyModel["retrain"];
const fraud: PolicyModel = { name: "fraud", retrain, monitors: new Set(["inputs", "scores"]) };

/** The policy beside the log of what it decided and of what became of it. */
class Scene {
  readonly log: RetrainingEvent[] = [];
  readonly alerts: PolicyAlert[] = [];
  readonly models: readonly PolicyModel[];
  readonly policy: RetrainingPolicy;
  labels = 0;
  timeMs = 0;

  constructor(model: PolicyModel = fraud) {
    this.models = [model];
    this.policy = new RetrainingPolicy(this.models);
  }

  write(event: RetrainingEvent): void {
    this.log.push(event);
    this.policy.takeEvent(event);
  }

  decide(clockMs = 0): readonly PolicyDecision[] {
    const decisions = this.policy.decide(clockMs);
    for (const decision of decisions) this.write(eventOf(decision));
    return decisions;
  }

  /** What the decisions come to, one word each. */
  words(clockMs = 0): string[] {
    return this.decide(clockMs).map(({ type, guard, cause }) => guard ?? `${type} ${cause}`);
  }

  alert(more: Partial<PolicyAlert> = {}): void {
    const alert: PolicyAlert = {
      id: `a${this.alerts.length}`,
      step: "begins",
      kind: "drift",
      monitor: "inputs",
      incident: "i1",
      timeMs: this.timeMs,
      isDeployment: false,
      isVeto: more.kind === "quality" || more.kind === "lag",
      isAlarm: false,
      ...more,
    };
    if (alert.kind !== "lag") this.timeMs = Math.max(this.timeMs, alert.timeMs);
    this.alerts.push(alert);
    this.policy.takeAlert(alert);
  }

  pass(ms: number): void {
    this.timeMs += ms;
    this.policy.takeTime(this.timeMs);
  }

  label(count: number): void {
    this.labels += count;
    this.policy.takeLabels("fraud", this.labels);
  }

  /** A person asks. */
  manual(request: string): void {
    const at = "2026-01-01T00:00:00Z";
    this.write({ type: "requested", id: request, request, model: "fraud", at, cause: "manual", by: "ann" });
  }

  /** As the trainer says it: with the labels that there were when its training began. */
  end(type: "promoted" | "rejected" | "undecided" | "failed" | "cancelled", labels?: number): void {
    const open = this.policy.openRequest("fraud");
    if (open === undefined) return;
    const id = `${open.request}/${type}`;
    const { alert: _, labels: asked, ...request } = open;
    const known = labels ?? asked;
    const counted = known === undefined ? {} : { labels: known };
    this.write({ ...request, ...counted, type, id, by: "trainer", timeMs: this.timeMs });
  }

  /** Another process that reads what stands on the topics. */
  restarted(): RetrainingPolicy {
    const policy = new RetrainingPolicy(this.models);
    for (const event of this.log) policy.takeEvent(event);
    for (const alert of this.alerts) policy.takeAlert(alert);
    policy.takeTime(this.timeMs);
    policy.takeLabels("fraud", this.labels);
    return policy;
  }
}

/** As it is read back. */
function eventOf({ incident, alert, guard, reason, timeMs, ...decision }: PolicyDecision): RetrainingEvent {
  const given = Object.entries({ incident, alert, guard, reason, timeMs }).filter(([, value]) => value !== undefined);
  const event = { ...decision, at: "2026-01-01T00:00:00Z", by: "policy", ...Object.fromEntries(given) };
  const read = readRetrainingEvent(retrainingRecord(event as RetrainingEvent).value.toString("utf8"));
  if (read === undefined) throw new Error("an event that cannot be read back");
  return read;
}

const ready = (model?: PolicyModel): Scene => {
  const scene = new Scene(model);
  scene.label(10);
  return scene;
};

describe("an alert on what a model reads, writes or is told", () => {
  test("asks for a training, which names alert and incident", () => {
    const scene = ready();
    scene.alert();
    expect(scene.decide()).toMatchObject([
      { type: "requested", request: "fraud/i1/1", cause: "drift", incident: "i1", alert: "a0", labels: 10 },
    ]);
    expect(scene.words()).toEqual([]);
  });

  test("is nothing to a model that is not watched by its monitor, or does not name its kind", () => {
    const scene = ready({ ...fraud, retrain: { ...retrain, on: [{ kind: "performance" }] } });
    scene.alert();
    scene.alert({ monitor: "others", kind: "performance", incident: "i2" });
    expect(scene.words()).toEqual([]);
  });

  test("of an estimate asks where the file names it, and a file that asks for performance does not mean it", () => {
    const asking = ready({ ...fraud, retrain: { ...retrain, on: [{ kind: "estimate" }] } });
    asking.alert({ kind: "estimate" });
    expect(asking.words()).toEqual(["requested estimate"]);
    const measured = ready();
    measured.alert({ kind: "estimate" });
    expect(measured.words()).toEqual([]);
  });

  test("is answered once while a training is under way, and the incident asks again when that did not pass", () => {
    const scene = ready();
    scene.alert();
    scene.decide();
    scene.alert();
    expect(scene.words()).toEqual(["open"]);
    scene.end("rejected");
    expect(scene.words()).toEqual(["cooldown"]);
    scene.pass(6 * hourMs - 1);
    expect(scene.words()).toEqual([]);
    scene.pass(1);
    scene.label(9);
    expect(scene.words()).toEqual(["labels"]);
    scene.label(1);
    expect(scene.words()).toEqual(["requested drift"]);
  });

  test("asks nothing more after a promotion, until another of the incident comes", () => {
    const scene = ready();
    scene.alert();
    scene.decide();
    scene.end("promoted");
    scene.pass(100 * hourMs);
    scene.label(100);
    expect(scene.words()).toEqual([]);
    scene.alert();
    expect(scene.words()).toEqual(["requested drift"]);
  });

  test("whose incident has closed asks nothing, and is answered", () => {
    const scene = new Scene();
    scene.alert();
    scene.alert({ step: "closes" });
    expect(scene.words()).toEqual(["over"]);
    scene.label(100);
    expect(scene.words()).toEqual([]);
  });

  test("of the data's quality asks when that is whole again", () => {
    const scene = ready();
    scene.alert({ kind: "quality", incident: "q" });
    expect(scene.words()).toEqual(["veto"]);
    scene.alert({ kind: "quality", incident: "q", step: "closes" });
    expect(scene.words()).toEqual(["requested quality"]);
  });

  test("of rows that may be the world asks at once, since only another model ends it", () => {
    const scene = ready();
    scene.alert({ kind: "quality", incident: "q", isVeto: false });
    expect(scene.words()).toEqual(["requested quality"]);
  });

  test("of rows that may be the world is held back from where broken ones join it", () => {
    const scene = ready({ ...fraud, retrain: { ...retrain, on: [{ kind: "drift" }] } });
    scene.alert({ kind: "quality", incident: "q", isVeto: false });
    scene.alert({ kind: "quality", incident: "q" });
    scene.alert();
    expect(scene.words()).toEqual(["veto"]);
  });
});

describe("a drift that a deployment of ours made", () => {
  test("asks for nothing, and says so once, also to a process that reads it later and while a training is under way", () => {
    const scene = ready();
    scene.manual("m1");
    scene.alert({ isDeployment: true });
    expect(scene.decide()).toMatchObject([
      { type: "suppressed", guard: "deployment", reason: expect.stringContaining("a deployment of ours") },
    ]);
    scene.end("failed");
    scene.pass(100 * hourMs);
    scene.label(100);
    expect(scene.restarted().decide(0)).toEqual([]);
    expect(scene.words()).toEqual([]);
  });

  test("hides no drift of the world that joins its incident, before or after it was answered", () => {
    for (const isAnswered of [true, false]) {
      const scene = ready();
      scene.alert({ isDeployment: true });
      if (isAnswered) expect(scene.words()).toEqual(["deployment"]);
      scene.alert();
      expect(scene.words()).toEqual(["requested drift"]);
    }
  });

  test("is the end of an incident of the world that a promotion has answered, also to a process that reads it later", () => {
    const scene = ready();
    scene.alert();
    expect(scene.words()).toEqual(["requested drift"]);
    scene.end("promoted");
    scene.pass(100 * hourMs);
    scene.label(100);
    scene.alert({ isDeployment: true });
    expect(scene.words()).toEqual(["deployment"]);
    expect(scene.restarted().decide(0)).toEqual([]);
    expect(scene.words()).toEqual([]);
  });

  test("takes no reason from the drift of the world that it joins", () => {
    const scene = new Scene();
    scene.alert();
    expect(scene.words()).toEqual(["labels"]);
    scene.alert({ isDeployment: true });
    expect(scene.words()).toEqual(["labels"]);
    scene.label(10);
    expect(scene.restarted().decide(0)).toHaveLength(1);
    expect(scene.words()).toEqual(["requested drift"]);
  });

  test("is a reason where it shows in how right the model is: our version is what is to be better", () => {
    const scene = ready();
    scene.alert({ kind: "performance", isDeployment: true });
    expect(scene.words()).toEqual(["requested performance"]);
  });
});

// Whoever cancelled what was held back cancelled, under the same id, the request that came of it later.
test("what is held back has an id of its own, and so has each request of the same reason", () => {
  const scene = new Scene();
  scene.alert();
  const decide = () => scene.decide().map(({ id }) => id);
  expect(decide()).toEqual(["fraud/i1/1/suppressed"]);
  scene.label(10);
  expect(decide()).toEqual(["fraud/i1/2/requested"]);
  scene.end("failed");
  scene.pass(6 * hourMs);
  expect(decide()).toEqual(["fraud/i1/3/requested"]);
});

describe("an alarm of a detector", () => {
  const performed = { ...fraud, retrain: { ...retrain, on: [{ kind: "performance" }] as const } };
  const alarm = { kind: "performance", isAlarm: true } as const;
  const later = (scene: Scene): void => {
    scene.pass(48 * hourMs);
    scene.label(10);
  };

  // On rows that came shuffled one false alarm asked at each end of the cool-down, forty times.
  test("is answered by a version that does not pass, and the next alarm of its incident asks again", () => {
    const scene = ready(performed);
    scene.alert(alarm);
    expect(scene.words()).toEqual(["requested performance"]);
    scene.end("rejected");
    later(scene);
    expect(scene.restarted().decide(0)).toEqual([]);
    expect(scene.words()).toEqual([]);
    scene.alert(alarm);
    const again = scene.restarted().decide(0);
    expect(scene.decide()).toEqual(again);
    expect(again).toMatchObject([{ type: "requested", alert: "a1" }]);
  });

  test("asks again where nothing could be decided or made", () => {
    for (const end of ["undecided", "failed"] as const) {
      const scene = ready(performed);
      scene.alert(alarm);
      scene.words();
      scene.end(end);
      later(scene);
      expect(scene.restarted().decide(0)).toHaveLength(1);
      expect(scene.words()).toEqual(["requested performance"]);
    }
  });

  test("that came while the version was made that did not pass was not answered by it", () => {
    const scene = ready(performed);
    scene.alert(alarm);
    scene.words();
    scene.alert(alarm);
    expect(scene.words()).toEqual(["open"]);
    scene.end("rejected");
    later(scene);
    // It was told of while a training was under way that may have begun before it.
    expect(scene.restarted().decide(0)).toHaveLength(1);
    expect(scene.words()).toEqual(["requested performance"]);
    scene.end("rejected");
    later(scene);
    expect(scene.restarted().decide(0)).toEqual([]);
    expect(scene.words()).toEqual([]);
  });

  test("is not answered by a version that passed and did not serve for another reason", () => {
    const scene = ready(performed);
    scene.alert(alarm);
    scene.words();
    const { alert: _, ...request } = scene.policy.openRequest("fraud")!;
    scene.write({ ...request, type: "rejected", id: `${request.request}/rejected`, by: "trainer", version: 4 });
    later(scene);
    expect(scene.restarted().decide(0)).toHaveLength(1);
    expect(scene.words()).toEqual(["requested performance"]);
  });

  test("beside what windows say hides nothing of it: that is so still", () => {
    for (const order of [
      [alarm, { kind: "performance" }],
      [{ kind: "performance" }, alarm],
    ] as const) {
      const scene = ready(performed);
      for (const alert of order) scene.alert(alert);
      expect(scene.words()).toEqual(["requested performance"]);
      scene.end("rejected");
      later(scene);
      expect(scene.restarted().decide(0)).toHaveLength(1);
      expect(scene.words()).toEqual(["requested performance"]);
    }
  });
});

describe("what holds a request back", () => {
  test("is an open incident of quality on the model's monitors, or of any lag", () => {
    const scene = ready({ ...fraud, retrain: { ...retrain, on: [{ kind: "drift" }] } });
    scene.alert({ kind: "lag", monitor: "any", incident: "l" });
    scene.alert({ kind: "quality", monitor: "others", incident: "q" });
    scene.alert();
    expect(scene.words()).toEqual(["veto"]);
    scene.alert({ kind: "lag", monitor: "any", incident: "l", step: "closes" });
    expect(scene.words()).toEqual(["requested drift"]);
  });

  test("is measured in event time, which no lag tells: that is found by the clock of the wall", () => {
    const scene = ready();
    const wallMs = 365 * 24 * hourMs;
    scene.alert({ kind: "lag", monitor: "any", incident: "l", timeMs: wallMs });
    scene.alert({ kind: "lag", monitor: "any", incident: "l", timeMs: wallMs, step: "closes" });
    scene.alert({ incident: "i1" });
    expect(scene.words()).toEqual(["requested drift"]);
    scene.end("promoted");
    scene.pass(7 * hourMs);
    scene.label(10);
    scene.alert({ incident: "i2" });
    expect(scene.words()).toEqual(["requested drift"]);
  });

  test("is a day that had as many as it may have", () => {
    const scene = ready();
    scene.alert();
    for (const word of ["requested drift", "requested drift", "per-day"]) {
      expect(scene.words()).toEqual([word]);
      scene.end("failed");
      scene.pass(6 * hourMs);
    }
    scene.pass(6 * hourMs - 1);
    scene.decide();
    expect(scene.policy.openRequest("fraud")).toBeUndefined();
    scene.pass(1);
    expect(scene.words()).toEqual(["requested drift"]);
  });

  test("is the breaker after two rejections in a row within one incident, for a day", () => {
    const scene = ready();
    scene.alert();
    for (let i = 0; i < 2; i++) {
      scene.decide();
      scene.end("rejected");
      scene.pass(12 * hourMs);
      scene.label(10);
    }
    expect(scene.words()).toEqual(["breaker"]);
    scene.pass(12 * hourMs - 1);
    expect(scene.words()).toEqual([]);
    scene.pass(1);
    expect(scene.words()).toEqual(["requested drift"]);
  });

  test("is no breaker when the rejections are of two incidents", () => {
    const scene = ready();
    for (const incident of ["i1", "i2"]) {
      scene.alert({ incident });
      scene.decide();
      scene.end("rejected");
      scene.alert({ incident, step: "closes" });
      scene.pass(24 * hourMs);
      scene.label(10);
    }
    scene.alert({ incident: "i3" });
    expect(scene.words()).toEqual(["requested drift"]);
  });

  test("is no breaker any more after it was reset by hand", () => {
    const scene = ready();
    scene.alert();
    for (let i = 0; i < 2; i++) {
      scene.decide();
      scene.end("rejected");
      scene.pass(12 * hourMs);
      scene.label(10);
    }
    const at = "2026-01-01T00:00:00Z";
    scene.write({ type: "reset", id: "r", request: "r", model: "fraud", at, cause: "manual", by: "ann" });
    expect(scene.words()).toEqual(["requested drift"]);
  });

  test("is no breaker that had closed by the time of another rejection, also to a process that reads it later", () => {
    const scene = ready();
    scene.alert();
    const asks = (): void => {
      expect(scene.words()).toEqual(["requested drift"]);
    };
    const rejectedAfter = (hours: number): void => {
      scene.pass(hours * hourMs);
      scene.end("rejected");
      scene.label(10);
    };
    asks();
    rejectedAfter(0);
    scene.pass(7 * hourMs);
    asks();
    rejectedAfter(0);
    // It is open from 7 to 31 hours; what is rejected at 40 is the first of a new count.
    scene.pass(25 * hourMs);
    asks();
    rejectedAfter(8);
    scene.pass(7 * hourMs);
    expect(scene.restarted().guardOf("fraud", "drift")).toBeUndefined();
    asks();
  });

  test("is no breaker for age", () => {
    const scene = ready({
      ...fraud,
      retrain: { ...retrain, perDay: 9, on: [{ kind: "drift" }, { kind: "age", ageMs: 12 * hourMs }] },
    });
    scene.policy.takePromotion("fraud", 0);
    scene.alert();
    for (let i = 0; i < 2; i++) {
      scene.decide();
      scene.end("rejected");
      scene.label(10);
      scene.pass(6 * hourMs);
    }
    expect(scene.words()).toEqual(["breaker", "requested age"]);
  });
});

describe("reasons that no alert gives", () => {
  test("an age counts from the promotion, and from an end that was none", () => {
    const scene = ready();
    expect(scene.words()).toEqual([]);
    scene.policy.takePromotion("fraud", 0);
    scene.pass(240 * hourMs - 1);
    expect(scene.words()).toEqual([]);
    scene.pass(1);
    expect(scene.words()).toEqual(["requested age"]);
    scene.end("rejected");
    scene.label(100);
    scene.pass(239 * hourMs);
    expect(scene.words()).toEqual([]);
    scene.pass(hourMs);
    expect(scene.words()).toEqual(["requested age"]);
  });

  test("labels count from the last training that could be judged", () => {
    const scene = ready({
      ...fraud,
      retrain: { ...retrain, cooldownMs: 1, perDay: 99, on: [{ kind: "labels", count: 50 }] },
    });
    scene.label(39);
    expect(scene.words()).toEqual([]);
    scene.label(1);
    expect(scene.words()).toEqual(["requested labels"]);
    scene.label(49);
    scene.end("rejected");
    scene.pass(1);
    expect(scene.words()).toEqual([]);
    scene.label(1);
    expect(scene.words()).toEqual(["requested labels"]);
  });

  const counted: PolicyModel = {
    ...fraud,
    retrain: { ...retrain, cooldownMs: 1, perDay: 99, on: [{ kind: "labels", count: 100 }] },
  };

  test("labels count anew from a request that somebody cancelled", () => {
    const scene = new Scene(counted);
    scene.label(100);
    expect(scene.words()).toEqual(["requested labels"]);
    // While it ran.
    scene.label(20);
    scene.end("cancelled");
    scene.pass(1);
    scene.label(79);
    expect(scene.words()).toEqual([]);
    scene.label(1);
    expect(scene.restarted().decide(0)).toHaveLength(1);
    expect(scene.words()).toEqual(["requested labels"]);
  });

  test.each(["promoted", "rejected"] as const)(
    "labels count from where a training that a person asked for began, when it ended %s",
    (type) => {
      const scene = new Scene(counted);
      scene.label(60);
      scene.manual("m1");
      scene.label(30);
      scene.end(type, 60);
      scene.label(69);
      expect(scene.words()).toEqual([]);
      scene.label(1);
      expect(scene.words()).toEqual(["requested labels"]);
    },
  );

  test("labels that a request saw are those that its training began with, where it began later", () => {
    const scene = new Scene(counted);
    scene.label(100);
    scene.decide();
    scene.label(50);
    scene.end("rejected", 150);
    scene.pass(1);
    scene.label(99);
    expect(scene.words()).toEqual([]);
    scene.label(1);
    expect(scene.words()).toEqual(["requested labels"]);
  });

  test("times of a schedule that passed while nobody looked are one; what is held back then is over", () => {
    const scene = new Scene({ ...fraud, retrain: { ...retrain, on: [{ kind: "schedule", cron: "0 * * * *" }] } });
    expect(scene.words(0)).toEqual([]);
    expect(scene.words(hourMs)).toEqual(["labels"]);
    expect(scene.words(hourMs + 1)).toEqual([]);
    scene.label(10);
    expect(scene.words(5 * hourMs - 1)).toEqual(["requested schedule"]);
  });

  test("a model without retrain is asked for by persons alone, and one at a time", () => {
    const scene = ready({ ...fraud, retrain: undefined });
    scene.alert();
    expect(scene.words()).toEqual([]);
    scene.manual("m1");
    scene.manual("m2");
    expect(scene.policy.openRequest("fraud")?.request).toBe("m1");
  });
});

describe("an alert of somebody else", () => {
  const hooked: PolicyModel = { ...fraud, retrain: { ...retrain, perDay: 9, on: [{ kind: "webhook" }] } };
  const tell = (scene: Scene, type: "reported" | "resolved", name = "1"): void =>
    scene.write(told(scene, type, `fraud/webhook-${name}`));

  test("asks under every guard, names the report that it answers, and asks nothing when that is told again", () => {
    const scene = new Scene(hooked);
    scene.pass(0);
    tell(scene, "reported");
    expect(scene.decide()).toMatchObject([
      {
        type: "suppressed",
        guard: "labels",
        cause: "webhook",
        request: "fraud/webhook-1/1",
        alert: "fraud/webhook-1/reported",
      },
    ]);
    tell(scene, "reported");
    expect(scene.words()).toEqual([]);
    scene.label(10);
    expect(scene.decide()).toMatchObject([{ type: "requested", request: "fraud/webhook-1/2", incident: undefined }]);
    tell(scene, "reported", "2");
    expect(scene.words()).toEqual(["open"]);
    scene.end("undecided");
    expect(scene.words()).toEqual(["cooldown", "cooldown"]);
  });

  test("is held back by broken rows, and by a day that had as many as it may have", () => {
    const scene = ready({ ...hooked, retrain: { ...hooked.retrain!, perDay: 1, on: [{ kind: "webhook" }] } });
    scene.alert({ kind: "quality", incident: "q" });
    tell(scene, "reported");
    expect(scene.words()).toEqual(["veto"]);
    scene.alert({ kind: "quality", incident: "q", step: "closes" });
    expect(scene.words()).toEqual(["requested webhook"]);
    scene.end("failed");
    scene.pass(6 * hourMs);
    expect(scene.words()).toEqual(["per-day"]);
  });

  test("asks again while it fires and nothing has passed, until the breaker opens", () => {
    const scene = ready(hooked);
    tell(scene, "reported");
    for (const word of ["requested webhook", "requested webhook", "breaker"]) {
      expect(scene.words()).toEqual([word]);
      scene.end("rejected");
      scene.pass(6 * hourMs);
      scene.label(10);
    }
  });

  test("opens no breaker where the versions that did not pass were of two of them", () => {
    const scene = ready(hooked);
    for (const name of ["1", "2"]) {
      tell(scene, "reported", name);
      scene.decide();
      scene.end("rejected");
      tell(scene, "resolved", name);
      scene.pass(6 * hourMs);
      scene.label(10);
    }
    tell(scene, "reported", "3");
    expect(scene.words()).toEqual(["requested webhook"]);
  });

  test("that is resolved asks nothing any more, and is answered", () => {
    const scene = new Scene(hooked);
    tell(scene, "reported");
    tell(scene, "resolved");
    expect(scene.decide()).toMatchObject([
      { guard: "over", reason: "the alert was resolved before anything was asked for" },
    ]);
    tell(scene, "reported", "2");
    expect(scene.words()).toEqual(["labels"]);
    tell(scene, "resolved", "2");
    scene.label(100);
    expect(scene.words()).toEqual([]);
  });

  test("is learned from by a promotion, whatever that was asked for by; one that was not answered by then asks", () => {
    const scene = ready({ ...hooked, retrain: { ...hooked.retrain!, on: [{ kind: "webhook" }, { kind: "drift" }] } });
    tell(scene, "reported", "1");
    scene.alert();
    expect(scene.words()).toEqual(["requested drift", "open"]);
    tell(scene, "reported", "2");
    expect(scene.words()).toEqual(["open"]);
    tell(scene, "reported", "3");
    scene.end("promoted");
    scene.alert({ step: "closes" });
    scene.pass(100 * hourMs);
    scene.label(100);
    expect(scene.decide()).toMatchObject([{ type: "requested", request: "fraud/webhook-3/1" }]);
  });

  test("is nothing to a model that does not name it", () => {
    const scene = ready();
    tell(scene, "reported");
    expect(scene.words()).toEqual([]);
  });
});

function told({ timeMs }: Scene, type: "reported" | "resolved", request: string): RetrainingEvent {
  const at = new Date(timeMs).toISOString();
  return { type, id: `${request}/${type}`, request, model: "fraud", at, cause: "webhook", by: "alertmanager" };
}

type Act = (scene: Scene) => void;
const acts: fc.Arbitrary<Act> = fc.oneof(
  fc.constantFrom(1, 3, 6, 13, 25).map(
    (hours): Act =>
      (scene) =>
        scene.pass(hours * hourMs),
  ),
  fc.constantFrom(3, 10, 40).map(
    (count): Act =>
      (scene) =>
        scene.label(count),
  ),
  fc
    .record({
      kind: fc.constantFrom("drift", "performance", "quality", "lag"),
      step: fc.constantFrom("begins", "begins", "closes"),
      monitor: fc.constantFrom("inputs", "scores", "others"),
      isDeployment: fc.constantFrom(false, false, true),
      isAlarm: fc.boolean(),
      incident: fc.constantFrom("1", "2"),
    })
    .map(
      ({ incident, ...alert }): Act =>
        (scene) => {
          // Where it may be years from the time of the events.
          const at = alert.kind === "lag" ? { timeMs: scene.timeMs + 9_000 * hourMs } : {};
          scene.alert({ ...alert, ...at, incident: `${alert.kind}${incident}` });
        },
    ),
  fc.constant((scene: Scene) => scene.manual(`m${scene.log.length}`)),
  fc.tuple(fc.constantFrom("reported", "reported", "resolved"), fc.constantFrom("1", "2", "3", "4")).map(
    ([type, name]): Act =>
      (scene) =>
        scene.write(told(scene, type as "reported" | "resolved", `fraud/webhook-${name}`)),
  ),
  fc.constantFrom("promoted", "rejected", "rejected", "undecided", "failed", "cancelled").map(
    (type): Act =>
      (scene) =>
        scene.end(type, scene.labels),
  ),
);
const triggers = fc.subarray<RetrainTrigger>([...retrain.on, { kind: "labels", count: 50 }], { minLength: 1 });

test("the laws hold whatever comes, and a process that ends at any point decides as one that does not", () => {
  fc.assert(
    fc.property(fc.array(acts, { maxLength: 60 }), triggers, (steps, on) => {
      const kinds = new Set<string>(on.map(({ kind }) => kind));
      const scene = new Scene({ ...fraud, retrain: { ...retrain, on: [...on, { kind: "webhook" }] } });
      scene.policy.takePromotion("fraud", 0);
      scene.pass(0);
      for (const step of steps) {
        step(scene);
        const again = scene.restarted();
        again.takePromotion("fraud", 0);
        const wouldDecide = again.decide(0);
        const open = scene.policy.openRequest("fraud");
        const decisions = scene.decide();
        expect(wouldDecide).toEqual(decisions);
        // P1
        const asked = decisions.filter(({ type }) => type === "requested");
        expect(asked.length).toBeLessThanOrEqual(open === undefined ? 1 : 0);
        expect(scene.decide()).toEqual([]);
      }
      const times = scene.log.flatMap(({ type, by, timeMs }) =>
        type === "requested" && by === "policy" ? [timeMs ?? 0] : [],
      );
      for (const [i, time] of times.entries()) {
        // P2, P3
        if (i > 0) expect(time - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(6 * hourMs);
        expect(times.filter((other) => other <= time && time - other < 24 * hourMs).length).toBeLessThanOrEqual(2);
      }
      // P4
      const due = scene.alerts.filter(
        ({ step, kind, monitor }) => step === "begins" && kinds.has(kind) && monitor !== "others",
      );
      const answers = scene.log.flatMap(({ alert }) => alert?.split(" ") ?? []);
      const reports = scene.log.flatMap(({ type, id }) => (type === "reported" ? [id] : []));
      expect(answers.toSorted()).toEqual([...new Set(reports), ...due.map(({ id }) => id)].toSorted());
      const own = scene.log.filter(({ by }) => by !== "alertmanager").map(({ id }) => id);
      expect(new Set(own).size).toBe(own.length);
      const decided = scene.log.filter(({ by }) => by === "policy");
      expect(new Set(decided.map(({ request }) => request)).size).toBe(decided.length);
      // P7
      if (!kinds.has("labels")) return;
      scene.end("cancelled");
      for (const { kind, monitor, incident } of [...scene.alerts])
        scene.alert({ kind, monitor, incident, step: "closes" });
      scene.pass(1_000 * hourMs);
      scene.label(1_000);
      expect(scene.decide().filter(({ type }) => type === "requested")).toHaveLength(1);
    }),
    { numRuns: 300 },
  );
});

test.each([
  "",
  "[]",
  "null",
  '{"type":"requested"}',
  '{"type":"opened","id":"a","request":"a","model":"m","at":"t","by":"b","cause":"drift"}',
])("%s is no event", (text) => {
  expect(readRetrainingEvent(text)).toBeUndefined();
});
