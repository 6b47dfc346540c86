// Statistics of answers and of traffic: scores from counts, intervals, comparisons, tests that may be looked at, drift.
export { Adwin, type AdwinOptions } from "./adwin.ts";
export {
  type BootstrapOptions,
  bootstrapF1,
  bootstrapF1InTurns,
  bootstrapScores,
  bootstrapScoresInTurns,
  type F1BootstrapOptions,
  type F1Intervals,
} from "./bootstrap.ts";
export {
  type Binning,
  brierBinary,
  brierMulticlass,
  logLoss,
  logLossBinary,
  Reliability,
  type ReliabilityBin,
} from "./calibration.ts";
export { allLabels } from "./class-counts.ts";
export {
  type Agreement,
  agreement,
  binaryF1,
  type CellScores,
  type Classification,
  type ClassificationOptions,
  type ClassScore,
  cellScores,
  classify,
  type F1Scores,
  f1Scores,
} from "./classification.ts";
export { ClusterSlots } from "./cluster-slots.ts";
export { ClusteredConfusion, type ClusteredConfusionOptions } from "./clustered-confusion.ts";
export { type ClusteredEstimate, ClusteredMean, clusteredMean } from "./clustered-mean.ts";
export { ConfidenceSequence, Msprt, type MsprtOptions, type SequenceOptions } from "./confidence-sequence.ts";
export { type Cell, Confusion } from "./confusion.ts";
export {
  betaCdf,
  betaQuantile,
  binomialCdf,
  chiSquareTail,
  normalCdf,
  normalTwoSided,
  tQuantile,
  tTail,
  tTwoSided,
} from "./distributions.ts";
export { crossingProbability, obrienFlemingBoundaries, spendingBoundaries } from "./group-sequential.ts";
export { type KolmogorovSmirnov, kolmogorovSmirnov } from "./kolmogorov-smirnov.ts";
export { type MannWhitney, mannWhitney, rocAuc } from "./mann-whitney.ts";
export { type Discordant, mcnemarChiSquare, mcnemarExact, mcnemarMidP } from "./mcnemar.ts";
export { meanInterval, RunningMean, type TEstimate, tInterval } from "./mean.ts";
export { benjaminiHochberg, holm } from "./multiplicity.ts";
export { PageHinkley, type PageHinkleyOptions, pageHinkleyThreshold, type RunLengthOptions } from "./page-hinkley.ts";
export {
  type Pair,
  type PairedDifference,
  PairedDifferences,
  type PowerOptions,
  pairedDifference,
  pairsNeeded,
} from "./paired.ts";
export { populationStability, populationStabilityTest, type StabilityTest } from "./population-stability.ts";
export {
  agrestiCoullInterval,
  type Counts,
  clopperPearsonInterval,
  type ProportionDifference,
  twoProportions,
} from "./proportion.ts";
export { BOOTSTRAP_INTERVAL, type ScoreIntervals } from "./resampled-scores.ts";
