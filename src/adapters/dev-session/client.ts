/** The broker of a dev session in another process: everything of the port but consumer groups. */
import { type ErrorCode, errorCodes, messageOf, OperationError, type RecordOut } from "../../kernel/index.ts";
import type { Broker, OffsetRange } from "../../runtime/index.ts";
import type { ClusterDescription } from "../../topology/index.ts";
import type { RawBatch } from "../../wire/index.ts";
import { readSessionFile } from "./session-file.ts";
import { batchFromJson, recordsToJson } from "./wire-form.ts";

/** Records per request: keeps a body far below the server's bound even at 900 kB a record. */
const appendRecordsMax = 500;
const appendBytesMax = 8 * 1024 * 1024;

/** @throws OperationError MR_DEV_SESSION when no session runs in the folder */
export function connectDevSession(folder: string): Broker {
  const { port, token } = readSessionFile(folder);

  const request = async (name: string, body: string, signal: AbortSignal): Promise<Response> => {
    const response = await fetch(`http://127.0.0.1:${port}/${name}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body,
      signal,
    }).catch((cause: unknown) => {
      if (signal.aborted) throw cause;
      throw new OperationError("MR_DEV_SESSION", "the dev session does not answer; is `millrace dev` still running?", {
        cause,
      });
    });
    if (!response.ok) throw await failureOf(response);
    return response;
  };
  const call = async <Result>(name: string, body: string, signal: AbortSignal): Promise<Result> => {
    const response = await request(name, body, signal);
    return (await response.json().catch((cause: unknown) => {
      throw endOf(cause, signal);
    })) as Result;
  };

  return {
    join: () =>
      Promise.reject(
        new OperationError("MR_DEV_SESSION", "joining a group from outside a dev session is not possible"),
      ),
    writer: () => {
      throw new OperationError("MR_DEV_SESSION", "writing batches from outside a dev session is not possible");
    },
    append: async (records, signal) => {
      for (const part of portions(records)) await call("append", recordsToJson(part), signal);
    },
    transaction: async (id, signal) => {
      const taken = await call<number>("transaction", JSON.stringify(id), signal);
      return {
        commit: async (records, stop) => {
          await call("commit", JSON.stringify([taken, recordsToJson(records)]), stop);
        },
      };
    },
    read: (range, signal) => readLines(range, (body) => request("read", body, signal), signal),
    admin: {
      describe: (topics, signal) => call<ClusterDescription>("describe", JSON.stringify(topics), signal),
      createTopics: async (topics, signal) => {
        await call("createTopics", JSON.stringify(topics), signal);
      },
      growTopic: async (topic, partitions, signal) => {
        await call("growTopic", JSON.stringify([topic, partitions]), signal);
      },
      watermarks: (topic, signal) => call("watermarks", JSON.stringify(topic), signal),
      extent: (at, signal) => call("extent", JSON.stringify(at), signal),
      committed: (group, topic, signal) => call("committed", JSON.stringify([group, topic]), signal),
      members: (group, signal) => call("members", JSON.stringify(group), signal),
      deleteTopics: () =>
        Promise.reject(
          new OperationError("MR_DEV_SESSION", "deleting topics of a dev session from outside is not possible"),
        ),
      deleteGroups: () =>
        Promise.reject(
          new OperationError("MR_DEV_SESSION", "deleting groups of a dev session from outside is not possible"),
        ),
    },
    close: async () => undefined,
  };
}

/** What an answer in the making throws when the session ends is that, and no fault of ours. */
function endOf(cause: unknown, signal: AbortSignal): unknown {
  return signal.aborted ? cause : new OperationError("MR_DEV_SESSION", "the dev session has ended", { cause });
}

async function* chunksOf(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response.body ?? []) yield chunk as Uint8Array;
  } catch (cause) {
    throw endOf(cause, signal);
  }
}

async function* readLines(
  range: OffsetRange,
  open: (body: string) => Promise<Response>,
  signal: AbortSignal,
): AsyncGenerator<RawBatch> {
  const response = await open(JSON.stringify(range));
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunksOf(response, signal)) {
    rest += decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      if (line === "") continue; // the session is still there, and nothing new is
      if (line.startsWith('{"failed"')) throw failureFrom(JSON.parse(line) as { failed?: string; code?: string });
      yield batchFromJson(line);
    }
  }
  // A reader that follows is never done by itself.
  if (range.to === undefined) throw endOf(undefined, signal);
}

function* portions(records: readonly RecordOut[]): Generator<readonly RecordOut[]> {
  let from = 0;
  let bytes = 0;
  for (const [i, record] of records.entries()) {
    const size = (record.key?.length ?? 0) + (record.value?.length ?? 0);
    if (i > from && (i - from >= appendRecordsMax || bytes + size > appendBytesMax)) {
      yield records.slice(from, i);
      from = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < records.length) yield records.slice(from);
}

async function failureOf(response: Response): Promise<OperationError> {
  const text = await response.text();
  try {
    const { message, code } = JSON.parse(text) as { message?: string; code?: string };
    return failureFrom({
      ...(message === undefined ? {} : { failed: message }),
      ...(code === undefined ? {} : { code }),
    });
  } catch (cause) {
    return new OperationError("MR_DEV_SESSION", `the dev session answered ${response.status}: ${messageOf(cause)}`);
  }
}

function failureFrom(form: { readonly failed?: string; readonly code?: string }): OperationError {
  const code =
    form.code !== undefined && Object.hasOwn(errorCodes, form.code) ? (form.code as ErrorCode) : "MR_DEV_SESSION";
  return new OperationError(code, form.failed ?? "the dev session gave no reason");
}
