// The folder order is one array, read here, in ARCHITECTURE.md and in test/unit/repository.
const folders = require("./architecture/folders.json");
const pure = folders.slice(0, folders.indexOf("adapters"));
const any = (names) => `^src/(${names.join("|")})/`;
const rule = (name, from, to) => ({ name, severity: "error", from, to });

module.exports = {
  forbidden: [
    ...folders
      .slice(0, -1)
      .map((folder, i) => rule(`order-${folder}`, { path: `^src/${folder}/` }, { path: any(folders.slice(i + 1)) })),
    rule("known-folder", { path: "^src/", pathNot: any(folders) }, {}),
    rule(
      "through-index",
      { path: "^src/([^/]+)/" },
      {
        path: "^src/([^/]+)/",
        pathNot: [
          "^src/$1/",
          "^src/[^/]+/index\\.ts$",
          "^src/(?:adapters/[^/]+|runtime/(?:control|adoption)|monitor/(?:estimate|performance|telling))/index\\.ts$",
        ],
      },
    ),
    // A file that imports its own folder's index makes a cycle waiting to happen.
    rule("own-index", { path: "^src/([^/]+)/(?!index\\.ts$)" }, { path: "^src/$1/index\\.ts$" }),
    rule("stay-in-src", { path: "^src/" }, { pathNot: ["^src/", "node_modules"], dependencyTypes: ["local"] }),
    rule(
      "adapter-apart",
      { path: "^src/adapters/([^/]+)/" },
      { path: "^src/adapters/([^/]+)/", pathNot: "^src/adapters/$1/" },
    ),
    rule(
      "step-apart",
      { path: "^src/step/([^/]+)/([^/]+)\\.ts$" },
      { path: "^src/step/[^/]+/[^/]+\\.ts$", pathNot: "^src/step/[^/]+/index\\.ts$" },
    ),
    // From text to plan: what reads knows no plan, and a plan not who made it or what it is compared with.
    rule("topology-reads", { path: "^src/topology/(yaml|spec)/" }, { path: "^src/topology/(plan|planner|changes)/" }),
    rule("topology-plans", { path: "^src/topology/plan/" }, { path: "^src/topology/(planner|changes)/" }),
    rule(
      "topology-apart",
      { path: "^src/topology/(planner|changes)/" },
      { path: "^src/topology/(planner|changes)/", pathNot: "^src/topology/$1/" },
    ),
    rule("pure-no-builtins", { path: any(pure) }, { dependencyTypes: ["core"] }),
    rule(
      "pure-packages",
      { path: any(pure) },
      { dependencyTypes: ["npm", "npm-dev", "npm-optional", "npm-peer"], pathNot: "node_modules/(avsc|zod|yaml)/" },
    ),
    rule("no-circular", {}, { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } }),
    rule("not-resolvable", { pathNot: "^src/adapters/tfjs/" }, { couldNotResolve: true }),
    rule(
      "no-dev-in-src",
      { path: "^src/" },
      { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], pathNot: "tfjs-node" },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
