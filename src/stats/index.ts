export { benjaminiHochberg } from "./benjamini-hochberg.ts";
export { chiSquarePoint, chiSquareUpper, logGamma } from "./chi-square.ts";
export {
  hellinger,
  jsDistanceBits,
  jsDistanceNats,
  ksOfCells,
  lInfinity,
  psi,
  psiByGroup,
  psiParts,
  totalVariation,
  wasserstein,
} from "./distances.ts";
export { ksDistance, ksProbability } from "./kolmogorov-smirnov.ts";
export { MersenneTwister } from "./mersenne-twister.ts";
export {
  clearMoments,
  closeMoments,
  extendMoments,
  meanOf,
  mergeMomentColumns,
  mergeMoments,
  momentsCount,
  momentsMax,
  momentsMin,
  momentsPlaces,
  momentsStride,
  needExtremes,
  needSpread,
  needSum,
  scanMoments,
  stdOf,
  sumOf,
} from "./moments.ts";
export { theilSenSlope } from "./theil-sen.ts";
