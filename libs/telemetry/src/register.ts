// Loaded with `node --import` before a service, so that tracing runs before anything makes a span.
import { startTelemetry } from "./sdk.ts";

const service = /services\/([a-z-]+)\/src\/main\.ts$/.exec(process.argv[1] ?? "")?.[1];
await startTelemetry(`chimera-${service ?? "process"}`);
