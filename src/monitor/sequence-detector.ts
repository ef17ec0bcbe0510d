/** A detector over a sequence, as the file has it. */
export interface SequenceDetector {
  /** In the catalogue, and in verdicts behind `error.` or a field. */
  readonly kind: string;
  readonly config: unknown;
}
