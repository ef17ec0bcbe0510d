import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sharedClasses } from "./class-archive.ts";

/** The Kafka that the tests start, and whose Java tools they use. */
export const kafkaVersion = "4.4.0";
/** A release before it, which one test talks to as well. */
export const kafkaVersionBefore = "4.3.1";

/** The Avro for Java that resolves schemas beside ours. 1.12.0 reads a list of doubles as floats. */
const avroVersion = "1.12.1";

const repository = join(import.meta.dirname, "../../..");
const mavenTimeoutMs = 300_000;
const outputBytesMax = 64 * 1024 * 1024;

/** Why Kafka cannot be started from its jars here; undefined when it can. */
export function javaMissing(): string | undefined {
  if (spawnSync("java", ["-version"]).status !== 0) return "no Java on this machine";
  if (existsSync(join(cacheFolder(kafkaVersion), "complete"))) return undefined;
  return spawnSync("mvn", ["-version"]).status === 0 ? undefined : "no Maven on this machine";
}

const jars = new Map<string, Promise<string>>();

/** The folder with the jars of Kafka and its tools; downloaded through Maven once, then taken from the cache. */
export function kafkaJars(version = kafkaVersion): Promise<string> {
  return jarsOf({ name: "Kafka", version, folder: cacheFolder(version), dependencies: kafkaDependencies(version) });
}

/** The folder with the jars of Kafka Streams. */
export function streamsJars(): Promise<string> {
  const dependencies = [
    ["org.apache.kafka", "kafka-streams", kafkaVersion],
    ["org.slf4j", "slf4j-simple", "1.7.36"],
  ] as const;
  const folder = cacheFolder(kafkaVersion, "millrace-streams");
  return jarsOf({ name: "Kafka Streams", version: kafkaVersion, folder, dependencies });
}

/** The folder with the jar of Avro and what it needs. */
export function avroJars(): Promise<string> {
  const dependencies = [
    ["org.apache.avro", "avro", avroVersion],
    ["org.slf4j", "slf4j-simple", "2.0.13"],
  ] as const;
  return jarsOf({
    name: "Avro",
    version: avroVersion,
    folder: cacheFolder(avroVersion, "millrace-avro"),
    dependencies,
  });
}

interface JarSet {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  /** Group, artifact and version of each. */
  readonly dependencies: readonly (readonly [group: string, artifact: string, version: string])[];
}

function jarsOf(set: JarSet): Promise<string> {
  const found = jars.get(set.folder) ?? findOrDownload(set);
  jars.set(set.folder, found);
  return found;
}

function cacheFolder(version: string, name = "millrace-kafka"): string {
  const modules = join(repository, "node_modules");
  const base = existsSync(modules) ? join(modules, ".cache") : join(repository, ".millrace");
  return join(base, name, version);
}

async function findOrDownload({ name, version, folder, dependencies }: JarSet): Promise<string> {
  if (existsSync(join(folder, "complete"))) return folder;
  const work = await mkdtemp(join(tmpdir(), "millrace-kafka-jars-"));
  try {
    await writeFile(join(work, "pom.xml"), pom(dependencies));
    const result = await run(
      "mvn",
      ["-q", "-B", "dependency:copy-dependencies", `-DoutputDirectory=${join(work, "libs")}`],
      { cwd: work, timeoutMs: mavenTimeoutMs },
    );
    if (result.code !== 0) throw new Error(`downloading ${name} ${version} through Maven: ${result.stdout.trim()}`);
    await writeFile(join(work, "libs", "complete"), "");
    await publish(join(work, "libs"), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

/** Copies beside the target and renames, so that another process sees all of the jars or none. */
async function publish(from: string, folder: string): Promise<void> {
  const staging = `${folder}.${process.pid}`;
  await mkdir(join(folder, ".."), { recursive: true });
  await cp(from, staging, { recursive: true });
  await rename(staging, folder).catch(async (error: unknown) => {
    await rm(staging, { recursive: true, force: true });
    if (!existsSync(join(folder, "complete"))) throw error;
  });
}

function kafkaDependencies(kafka: string): JarSet["dependencies"] {
  return [
    ["org.apache.kafka", "kafka_2.13", kafka],
    ["org.apache.kafka", "kafka-tools", kafka],
    ["org.slf4j", "slf4j-simple", "1.7.36"],
  ];
}

function pom(dependencies: JarSet["dependencies"]): string {
  const elements = dependencies.map(
    ([group, artifact, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId><artifactId>jars-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${elements.join("\n    ")}
  </dependencies>
</project>
`;
}

export interface JavaResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Release of Kafka whose tools are run. */
  readonly version?: string;
  /** A folder of jars instead of Kafka's. */
  readonly jars?: string;
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

/**
 * Runs one of Kafka's Java tools, such as `org.apache.kafka.tools.ConsoleProducer`, and waits for its end.
 *
 * @returns exit code and output; a code other than 0 is the caller's to judge. About 1.5 s each.
 */
export async function runJava(mainClass: string, args: readonly string[], options: RunOptions = {}) {
  const jars = options.jars ?? (await kafkaJars(options.version));
  return run("java", [...javaOptions("128m"), ...onClassPath(jars), mainClass, ...args], options);
}

/**
 * JVM flags that start fast and stay small.
 *
 * @param tier the last compiler that is used: the first starts fast; with the fourth, Java's own default, the same work
 * takes less once it is warm
 */
export function javaOptions(heap: string, tier: 1 | 4 = 1): string[] {
  return [
    `-Xmx${heap}`,
    "-XX:+UseSerialGC",
    `-XX:TieredStopAtLevel=${tier}`,
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
  ];
}

/** The flags that make a folder of jars the class path. */
export function onClassPath(jars: string): string[] {
  return [...sharedClasses(jars), "-cp", join(jars, "*")];
}

/** Runs a program to its end, at most for `timeoutMs` (one minute when not given). */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<JavaResult> {
  const child = spawn(command, [...args], { cwd: options.cwd, stdio: ["pipe", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 60_000);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  let size = 0;
  const collect = (into: Buffer[]) => (chunk: Buffer) => {
    size += chunk.length;
    if (size <= outputBytesMax) into.push(chunk);
  };
  child.stdout.on("data", collect(out));
  child.stderr.on("data", collect(err));
  // A tool that ends before it has read everything closes the pipe; its exit code tells the story.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
  } finally {
    clearTimeout(timer);
  }
}
