// The cache for those that run it inside another process.
export { type CacheConfig, fields } from "./config.ts";
export { createCache } from "./service.ts";
