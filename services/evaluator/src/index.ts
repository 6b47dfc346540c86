// What a harness needs to run the evaluator in its own process.
export { type EvaluatorConfig, fields } from "./config.ts";
export { createEvaluator } from "./service.ts";
