import { formatIsoTime, type LogFields, type Logger } from "../kernel/index.ts";

/** A logger for people at a terminal: time, sentence, fields; one line each. `run` writes JSON instead. */
export function createPeopleLogger(write: (text: string) => void, now: () => number, isDebug = false): Logger {
  const line = (mark: string) => (fields: LogFields, message: string) => {
    const shown = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(",") : String(value)}`);
    write(
      `${formatIsoTime(now()).slice(11, 19)} ${mark}${message}${shown.length === 0 ? "" : `  ${shown.join(" ")}`}\n`,
    );
  };
  return { debug: isDebug ? line("") : () => undefined, info: line(""), warn: line("WARN "), error: line("ERROR ") };
}
