import { createHash } from "node:crypto";
import type { Hasher } from "../../src/kernel/index.ts";

export const nodeHasher: Hasher = { sha256: (input) => createHash("sha256").update(input).digest("hex") };
