import { describe, expect, test } from "vitest";
import type { Flights } from "../../../demo/flights.ts";
import { withHeadwind } from "../../../demo/loop/headwind.ts";
import { closing } from "../../../demo/loop/loop-story.ts";
import { incidentsOf } from "../../../demo/loop/run-loop.ts";
import { faultsOfLoop, faultsOfRest } from "../../../scripts/check-demo-loop.ts";
import type { AlertEvent } from "../../../src/monitor/index.ts";

const minute = 60_000;

function flightsOf(
  rows: readonly (readonly [id: number, departure: number, distance: number, delay: number])[],
): Flights {
  const column = (at: (row: (typeof rows)[number]) => number): Float64Array => Float64Array.from(rows, at);
  return {
    count: rows.length,
    flightIds: column(([id]) => id),
    departureMs: column(([, departure]) => departure),
    distances: column(([, , distance]) => distance),
    delays: column(([, , , delay]) => delay),
    landingMs: column(([, departure]) => departure + 1),
    origins: rows.map(([id]) => `O${id}`),
    destinations: rows.map(([id]) => `D${id}`),
  };
}

describe("the headwind", () => {
  test("delays long flights from its beginning on by half an hour, so that they land later too", () => {
    const { flightIds, delays, landingMs } = withHeadwind(
      flightsOf([
        [1, 999, 900, 4],
        [2, 1_000, 900, 4],
      ]),
      1_000,
    );
    expect([...flightIds]).toEqual([1, 2]);
    expect([...delays]).toEqual([4, 34]);
    // 30 minutes, 900 miles at 7.5 a minute, and the delay.
    expect([...landingMs]).toEqual([999 + (30 + 120 + 4) * minute, 1_000 + (30 + 120 + 34) * minute]);
  });

  test("keeps one of three short flights from its beginning on, with all that belongs to it", () => {
    const short = [1, 2, 3, 4, 5, 6].map((id) => [id, id < 3 ? 0 : 2_000, 799, 0] as const);
    const flights = withHeadwind(flightsOf(short), 1_000);
    expect([...flights.flightIds]).toEqual([1, 2, 3, 6]);
    expect([flights.count, flights.origins, flights.destinations]).toEqual([
      4,
      ["O1", "O2", "O3", "O6"],
      ["D1", "D2", "D3", "D6"],
    ]);
    expect([...flights.delays]).toEqual([0, 0, 0, 0]);
  });
});

const printed = closing({
  injectedAt: 104_398,
  incidents: [{ id: "flights-loop/departures/20010213T000000Z", cause: "world", openedAt: 0, closedAt: 4 }],
  promotions: [{ from: 1, to: 2, at: 38_612 }],
  aucs: { old: 0.3821, new: 0.8494, rows: 6_768 },
  seconds: 9.4,
});

describe("the last lines", () => {
  test("say the drift, the incident, the promotion, both versions on the same rows, and the time", () => {
    expect(printed).toBe(`drift injected at 104398
incident flights-loop/departures/20010213T000000Z cause world opened 0 closed 4
version 1 -> 2 at 38612
auc old 0.382 new 0.849 rows 6768
seconds 9
`);
  });

  test("without a drift end with what did not happen", () => {
    const quiet = { injectedAt: undefined, incidents: [], promotions: [], aucs: undefined, seconds: 12 };
    expect(closing(quiet)).toBe("seconds 12\nincidents 0 promotions 0\n");
    expect(faultsOfRest(closing(quiet))).toEqual([]);
    const alarmed = { ...quiet, incidents: [{ id: "x", cause: "world", openedAt: 0, closedAt: undefined }] };
    expect(faultsOfRest(closing(alarmed))).toHaveLength(1);
  });

  test.for([
    ["another place of the drift", "at 104398", "at 104397"],
    ["another cause", "cause world", "cause season"],
    ["an incident that is open", "closed 4", "closed -"],
    ["no promotion", "version 1 -> 2", "version 1 -> 1"],
    ["a version that is hardly better", "new 0.849", "new 0.581"],
    ["no rows to tell by", "rows 6768", "rows 0"],
    ["no time", "seconds 9", "seconds"],
  ] as const)("are refused by the check with %s", ([, from, to]) => {
    expect(faultsOfLoop(printed)).toEqual([]);
    expect(printed).toContain(from);
    expect(faultsOfLoop(printed.replace(from, to))).toHaveLength(1);
  });
});

test("an incident is told with the offsets at which it was opened and closed, and by nothing else that happened", () => {
  const event = (type: AlertEvent["type"], incident?: string, cause?: "world"): AlertEvent =>
    ({
      type,
      ...(incident === undefined ? {} : { incident }),
      ...(cause === undefined ? {} : { cause }),
    }) as AlertEvent;
  const log = [
    event("millrace.incident.opened", "a", "world"),
    event("millrace.alert.firing", "a"),
    event("millrace.incident.opened", "b"),
    event("millrace.incident.closed", "a"),
  ].map((each, offset) => ({ offset, event: each }));
  expect(incidentsOf(log)).toEqual([
    { id: "a", cause: "world", openedAt: 0, closedAt: 3 },
    { id: "b", cause: "-", openedAt: 2, closedAt: undefined },
  ]);
});
