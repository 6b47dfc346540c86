// What a process that starts insight itself needs.
export { fields, type InsightConfig } from "./config.ts";
export { createInsight } from "./service.ts";
