// Similar questions for those that measure them outside of a cache.

export { cacheKey } from "../key.ts";
export type { Embedder } from "./embedder.ts";
export { SemanticMatch } from "./semantic-match.ts";
