import { expect, test } from "vitest";
import { exitCodeOf } from "../../../src/app/exit.ts";
import { type Probed, type ProbeServer, serveProbes } from "../../../src/app/probes.ts";
import type { MetricReading, ReadinessCheck } from "../../../src/runtime/index.ts";
import { deferred } from "../../support/deadline.ts";

const well: ReadinessCheck = { name: "cluster", isWell: true, state: "answers" };
const ready: Probed = { readiness: () => [well], metrics: async () => [] };

async function asked({ port }: ProbeServer, path: string) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text(), type: response.headers.get("content-type") };
}

// Ended as a bug, with a stack: the event that the port was taken came in before it was turned into a usage error.
test("a port that is taken is a wrong argument and no bug", async () => {
  const first = await serveProbes("127.0.0.1:0", ready);
  try {
    const thrown: unknown = await serveProbes(`127.0.0.1:${first.port}`, ready).catch((error: unknown) => error);
    expect(exitCodeOf(thrown)).toBe(64);
    expect((thrown as Error).message).toMatch(/^--http 127\.0\.0\.1:\d+: .*EADDRINUSE/);
  } finally {
    await first.close();
  }
});

test("answers /livez always, /readyz when every check is well, and nothing else", async () => {
  let isWell = false;
  const probes = await serveProbes("127.0.0.1:0", { ...ready, readiness: () => [well, { ...well, isWell }] });
  const status = async (path: string): Promise<number> => (await asked(probes, path)).status;
  try {
    expect([await status("/livez"), await status("/readyz"), await status("/")]).toEqual([200, 503, 404]);
    isWell = true;
    expect([await status("/livez"), await status("/readyz?verbose")]).toEqual([200, 200]);
  } finally {
    await probes.close();
  }
});

test("/readyz says why when it is asked to, and one word else", async () => {
  const checks = [well, { name: "stage score task 3", isWell: false, state: "it could not be reopened for 30 s" }];
  const probes = await serveProbes("127.0.0.1:0", { ...ready, readiness: () => checks });
  try {
    expect((await asked(probes, "/readyz")).text).toBe("not ready\n");
    expect((await asked(probes, "/readyz?verbose")).text).toBe(
      "[+] cluster: answers\n[-] stage score task 3: it could not be reopened for 30 s\nnot ready\n",
    );
  } finally {
    await probes.close();
  }
});

test("/metrics answers Prometheus' text, reads once for all who ask at the same time, and tells what it cannot read", async () => {
  let reads = 0;
  const first = deferred<readonly MetricReading[]>();
  const readings: MetricReading[] = [{ metric: "millrace_commits_total", labels: { stage: "a" }, value: 2 }];
  const metrics = (): Promise<readonly MetricReading[]> => {
    reads++;
    return reads === 1 ? first.promise : Promise.reject(new Error("the meter broke"));
  };
  const probes = await serveProbes("127.0.0.1:0", { ...ready, metrics });
  try {
    const both = [asked(probes, "/metrics"), asked(probes, "/metrics")];
    // A request that is answered at once shows that the server has met the two before it.
    while (reads === 0) await asked(probes, "/livez");
    await asked(probes, "/livez");
    first.resolve(readings);
    for (const { status, text, type } of await Promise.all(both)) {
      expect([status, type]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
      expect(text).toBe(
        '# HELP millrace_commits_total Chunks that were committed.\n# TYPE millrace_commits_total counter\nmillrace_commits_total{stage="a"} 2\n',
      );
    }
    expect(await asked(probes, "/metrics")).toMatchObject({ status: 500, text: "the meter broke\n" });
    expect(reads).toBe(2);
  } finally {
    await probes.close();
  }
});

test.each(["localhost", "127.0.0.1:65536", ":80", "http://x:1"])("%s is no HOST:PORT", async (address) => {
  await expect(serveProbes(address, ready)).rejects.toThrow("is not HOST:PORT");
});
