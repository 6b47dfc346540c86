// The inference service as a library: for tests that start it in their own process, and for programs that call the engine itself.
export { fields, type InferenceConfig } from "./config.ts";
export type { Engine, EngineMessage, EngineRequest } from "./engine/engine.ts";
export { createLlamaEngine, type LlamaOptions } from "./engine/llama/llama-engine.ts";
export { createInference } from "./service.ts";
