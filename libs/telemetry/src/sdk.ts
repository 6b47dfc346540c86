// Starts tracing and metrics for one process. With an exporter configured it is the OpenTelemetry Node SDK, driven by the OTEL_*
// variables; without one only ids and propagation run, which costs a tenth of the start-up time and still gives every request a
// trace id.
import { context, diag, propagation, trace } from "@opentelemetry/api";
import { idsOnly } from "./ids-only.ts";
import { setMetricsOn } from "./metrics.ts";
import { openPrometheus, type PrometheusDoor } from "./prometheus.ts";

type Environment = NodeJS.ProcessEnv;
type Stop = () => Promise<unknown>;

let shutdown: Stop | undefined;

/** Reads the OTEL_* variables of this process, as the SDK itself does. */
export async function startTelemetry(serviceName: string): Promise<void> {
  const { env } = process;
  if (env.OTEL_SDK_DISABLED === "true" || shutdown) return;
  const wanted = { traces: leaves(env, "TRACES"), metrics: leaves(env, "METRICS") };
  shutdown = wanted.traces || wanted.metrics ? await startExporting(serviceName, env, wanted) : await startIdsOnly();
}

/** Sends what is buffered, at most for the exporter's own time-out. Safe to call more than once. */
export async function stopTelemetry(): Promise<void> {
  const stop = shutdown;
  shutdown = undefined;
  setMetricsOn(false);
  await stop?.().catch(() => undefined);
}

/** Whether one of the two is to leave this process: an exporter named for it, or an OTLP endpoint for it or for both. */
function leaves(env: Environment, signal: "TRACES" | "METRICS"): boolean {
  const exporter = env[`OTEL_${signal}_EXPORTER`];
  if (exporter !== undefined) return exporter !== "none" && exporter !== "";
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]);
}

async function startExporting(
  serviceName: string,
  env: Environment,
  wanted: { traces: boolean; metrics: boolean },
): Promise<Stop> {
  preferGrpcAtItsPort(env);
  // The SDK then counts the spans it could not send, which nobody would hear of otherwise.
  if (wanted.metrics) env.OTEL_NODE_EXPERIMENTAL_SDK_METRICS ??= "true";
  const [{ startNodeSdk }, { setGlobalErrorHandler }] = await Promise.all([
    import("@opentelemetry/sdk-node"),
    import("@opentelemetry/core"),
  ]);
  const door = wanted.metrics ? await prometheusDoor(env) : undefined;
  const sdk = startNodeSdk({
    resourceAttributes: { "service.name": env.OTEL_SERVICE_NAME ?? serviceName, "service.namespace": "chimera" },
    // What is left out here, the SDK makes from the variables.
    ...((door || !wanted.metrics) && { metricReaders: door?.reader ? [door.reader] : [] }),
    ...(!wanted.traces && { spanProcessors: [] }),
    logRecordProcessors: [],
  });
  setGlobalErrorHandler(sayOnce);
  if (door) diag.info(door.note);
  if (!wanted.traces) useIdsOnly();
  setMetricsOn(wanted.metrics && (door === undefined || door.reader !== undefined));
  return () => sdk.shutdown();
}

/** 4317 is the registered port of OTLP over gRPC; asking for it in HTTP is the usual first mistake. */
function preferGrpcAtItsPort(env: Environment): void {
  if (env.OTEL_EXPORTER_OTLP_PROTOCOL !== undefined) return;
  for (const signal of ["TRACES", "METRICS"] as const) {
    const endpoint = env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] ?? env.OTEL_EXPORTER_OTLP_ENDPOINT ?? "";
    if (endpoint.endsWith(":4317")) env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] ??= "grpc";
  }
}

/** Undefined where metrics are sent and not fetched. */
async function prometheusDoor(env: Environment): Promise<PrometheusDoor | undefined> {
  if (env.OTEL_METRICS_EXPORTER !== "prometheus") return undefined;
  const port = env.OTEL_EXPORTER_PROMETHEUS_PORT;
  return openPrometheus(env.OTEL_EXPORTER_PROMETHEUS_HOST || undefined, port ? Number(port) : undefined);
}

/** Different failures said; a collector has few. */
const MAX_SAID = 100;
const said = new Set<string>();

/** A collector that is away, or takes no metrics, fails every export alike: said once, not once a minute for ever. */
function sayOnce(failure: unknown): void {
  const message = failure instanceof Error ? failure.message : String(failure);
  if (said.has(message) || said.size >= MAX_SAID) return;
  said.add(message);
  diag.error(`telemetry: ${message}`);
}

async function startIdsOnly(): Promise<Stop> {
  const [{ W3CTraceContextPropagator }, hooks] = await Promise.all([
    import("@opentelemetry/core"),
    import("@opentelemetry/context-async-hooks"),
  ]);
  context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  useIdsOnly();
  return async () => undefined;
}

/** Also where the SDK, or an earlier start, has set a provider already. */
function useIdsOnly(): void {
  trace.disable();
  trace.setGlobalTracerProvider(idsOnly);
}
