// How good answers are, from counts of (target, predicted) pairs: scores, and the intervals of those without a formula.
export { bootstrapF1, bootstrapF1InTurns, type F1BootstrapOptions, type F1Intervals } from "./bootstrap.ts";
export { type Classification, type ClassScore, classify, type F1Scores, f1Scores } from "./classification.ts";
export { type Cell, Confusion } from "./confusion.ts";
