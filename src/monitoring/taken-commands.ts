import { commandRequest } from "../monitor/index.ts";
import type { TakenCommand } from "../monitor/telling/index.ts";
import type { ControlRecord } from "../runtime/index.ts";

/**
 * Which commands stand, and which of them the alerts topic already says were taken. After a restart the commands are read
 * back first and the answers behind them, so that one which came while nobody judged is answered too, and none twice.
 */
export class TakenCommands {
  readonly #standing = new Map<string, string>();
  readonly #answered = new Map<string, string>();

  /** A record of the control topic; what is no command to the judge is passed over. */
  take(record: ControlRecord): void {
    const command = commandRequest(record);
    if (command !== undefined) this.#stand(command.key, command.request);
  }

  /** The baseline of a monitor that is in service from here on. */
  takeBaseline(monitor: string, id: string): void {
    this.#stand(`baseline/${monitor}`, id);
  }

  /** What was answered before, in the order of its topic. */
  takeAnswer({ key, request }: Pick<TakenCommand, "key" | "request">): void {
    if (request === null) this.#answered.delete(key);
    else this.#answered.set(key, request);
  }

  /** What nobody was told of yet; it counts as told from here on. */
  due(): readonly Pick<TakenCommand, "key" | "request">[] {
    const due: Pick<TakenCommand, "key" | "request">[] = [];
    for (const [key, request] of this.#standing) if (this.#answered.get(key) !== request) due.push({ key, request });
    for (const key of this.#answered.keys()) if (!this.#standing.has(key)) due.push({ key, request: null });
    for (const answer of due) this.takeAnswer(answer);
    return due;
  }

  #stand(key: string, request: string | null): void {
    if (request === null) this.#standing.delete(key);
    else {
      this.#standing.set(key, request);
      // What is given a second time, such as a baseline that was measured again and came out the same, is answered again.
      this.#answered.delete(key);
    }
  }
}
