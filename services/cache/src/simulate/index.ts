// The simulator for those that play traces: the command line and benchmarks.
export { simulationHtml } from "./html.ts";
export { simulationJson } from "./json.ts";
export {
  type Outcome,
  SIMULATED_POLICIES,
  type SimulatedPolicy,
  type Simulation,
  type SimulationOptions,
  type Size,
  simulate,
} from "./simulation.ts";
export { openTrace, TRACE_FORMATS, type TraceFormat } from "./traces/formats.ts";
export { parseSynthetic } from "./traces/parse-synthetic.ts";
export { createRequests, popularBytes, type SyntheticOptions } from "./traces/synthetic.ts";
export type { Trace, TraceRequest } from "./traces/trace.ts";
