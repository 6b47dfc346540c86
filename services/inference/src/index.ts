// The inference service as a library, for tests that start the whole mesh in one process.
export { fields, type InferenceConfig } from "./config.ts";
export { createInference } from "./service.ts";
