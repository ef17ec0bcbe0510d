import type { Adoption } from "../../model/index.ts";
import type { ServedModel } from "../served-model.ts";

/** What has to be done before the record at an offset is scored. */
export type VersionDue =
  /** Write down that this version scores from here on. */
  | { readonly kind: "adopt"; readonly adoption: Adoption; readonly served: ServedModel }
  /** Serve the version that was written down. */
  | { readonly kind: "serve"; readonly version: number }
  /** Have a challenger score beside it from here on, or none (0); write it down first where that is not done. */
  | { readonly kind: "shadow"; readonly version: number; readonly adoption: Adoption | undefined };
