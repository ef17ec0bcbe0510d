import { adwin } from "./adwin.ts";
import { cusum } from "./cusum.ts";
import { ddm } from "./ddm.ts";
import { eddm } from "./eddm.ts";
import { hddmA } from "./hddm-a.ts";
import { hddmW } from "./hddm-w.ts";
import { kswin } from "./kswin.ts";
import { pageHinkley } from "./page-hinkley.ts";

/** Every detector of this version, in the order of the reference page. */
export const detectorCatalogue = {
  adwin,
  "hddm-a": hddmA,
  "hddm-w": hddmW,
  "page-hinkley": pageHinkley,
  cusum,
  ddm,
  eddm,
  kswin,
} as const;
