// The tuner as the rest of the evaluator uses it.
export { FileJournal, type Journal, noJournal } from "./journal.ts";
export type { Measure } from "./measuring.ts";
export type { TunerItems, TunerOptions } from "./options.ts";
export type { Limits } from "./pareto.ts";
export { productSpace } from "./product-space.ts";
export type { SettingsProposal } from "./proposal.ts";
export { type Configuration, keyOf, SearchSpace, type SpaceDescription } from "./space.ts";
export type { ItemMeasurement, Trial } from "./trial.ts";
export { Tuner, type TunerEvent } from "./tuner.ts";
