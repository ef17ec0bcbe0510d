// The place of detectors, baselines, verdicts and the alert machine; nothing watches yet.
export {};
