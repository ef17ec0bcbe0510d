import { defineConfig } from "vitest/config";

/** Lanes: `unit` needs nothing but Node; `kafka` needs a broker, which its global set-up finds or starts. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          setupFiles: ["test/support/property-seed.ts"],
          // What "never" means on a machine that is slow and does other things too; no test needs a sixth of it alone.
          testTimeout: 60_000,
          // The source keeps nothing between calls that a test could find: to load it anew for each file of tests took
          // a third of the lane's time.
          isolate: false,
          // All of them; Vitest leaves one idle, which is half of a machine with two.
          maxWorkers: "100%",
        },
      },
      {
        test: {
          name: "kafka",
          include: ["test/kafka/**/*.test.ts"],
          globalSetup: ["test/kafka/global-setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
