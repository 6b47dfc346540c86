// For tests of this library and of services that use it.
export * from "./certificates.ts";
export * from "./frames.ts";
