import { getEventListeners } from "node:events";

/** How many still listen for the end of a signal: those of work that is over would be held as long as the signal. */
export function listenersOf(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}
