export { isDetectorField, modelFields } from "./performance-judge.ts";
