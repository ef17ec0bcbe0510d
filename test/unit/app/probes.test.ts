import { expect, test } from "vitest";
import { exitCodeOf } from "../../../src/app/exit.ts";
import { serveProbes } from "../../../src/app/probes.ts";

// Ended as a bug, with a stack: the event that the port was taken came in before it was turned into a usage error.
test("a port that is taken is a wrong argument and no bug", async () => {
  const first = await serveProbes("127.0.0.1:0", () => true);
  try {
    const thrown: unknown = await serveProbes(`127.0.0.1:${first.port}`, () => true).catch((error: unknown) => error);
    expect(exitCodeOf(thrown)).toBe(64);
    expect((thrown as Error).message).toMatch(/^--http 127\.0\.0\.1:\d+: .*EADDRINUSE/);
  } finally {
    await first.close();
  }
});

test("answers /livez always, /readyz when ready, and nothing else", async () => {
  let isReady = false;
  const probes = await serveProbes("127.0.0.1:0", () => isReady);
  const status = async (path: string): Promise<number> =>
    (await fetch(`http://127.0.0.1:${probes.port}${path}`)).status;
  try {
    expect([await status("/livez"), await status("/readyz"), await status("/")]).toEqual([200, 503, 404]);
    isReady = true;
    expect([await status("/livez"), await status("/readyz?verbose")]).toEqual([200, 200]);
  } finally {
    await probes.close();
  }
});

test.each(["localhost", "127.0.0.1:65536", ":80", "http://x:1"])("%s is no HOST:PORT", async (address) => {
  await expect(serveProbes(address, () => true)).rejects.toThrow("is not HOST:PORT");
});
