// Starts tracing for one process. With an exporter configured it is the OpenTelemetry Node SDK, driven by the OTEL_* variables;
// without one only ids and propagation run, which costs a tenth of the start-up time and still gives every request a trace id.
import { context, propagation, trace } from "@opentelemetry/api";

let shutdown: (() => Promise<void>) | undefined;

/** Reads the OTEL_* variables of this process, as the SDK itself does. */
export async function startTelemetry(serviceName: string): Promise<void> {
  const { env } = process;
  if (env.OTEL_SDK_DISABLED === "true" || shutdown) return;
  shutdown = hasExporter(env) ? await startExporting(serviceName, env) : await startIdsOnly();
}

/** Sends what is buffered, at most for the exporter's own time-out. Safe to call more than once. */
export async function stopTelemetry(): Promise<void> {
  const stop = shutdown;
  shutdown = undefined;
  await stop?.().catch(() => undefined);
}

function hasExporter(env: NodeJS.ProcessEnv): boolean {
  const exporter = env.OTEL_TRACES_EXPORTER;
  if (exporter !== undefined) return exporter !== "none" && exporter !== "";
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}

async function startExporting(serviceName: string, env: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT ?? "";
  // 4317 is the registered port of OTLP over gRPC; asking for it in HTTP is the usual first mistake.
  if (env.OTEL_EXPORTER_OTLP_PROTOCOL === undefined && endpoint.endsWith(":4317"))
    env.OTEL_EXPORTER_OTLP_PROTOCOL = "grpc";
  const { startNodeSdk } = await import("@opentelemetry/sdk-node");
  const sdk = startNodeSdk({
    resourceAttributes: { "service.name": env.OTEL_SERVICE_NAME ?? serviceName, "service.namespace": "chimera" },
    metricReaders: [],
    logRecordProcessors: [],
  });
  return () => sdk.shutdown();
}

async function startIdsOnly(): Promise<() => Promise<void>> {
  const [{ AlwaysOffSampler, ParentBasedSampler, TracerProvider }, { W3CTraceContextPropagator }, hooks] =
    await Promise.all([
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/core"),
      import("@opentelemetry/context-async-hooks"),
    ]);
  context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const provider = new TracerProvider({ sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }) });
  trace.setGlobalTracerProvider(provider);
  return () => provider.shutdown();
}
