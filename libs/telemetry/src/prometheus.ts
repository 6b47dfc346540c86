// Metrics to be fetched by Prometheus. Processes that share a machine share its ports too: where nobody names one, each takes
// the first that is free from the usual one on.
import type { PrometheusExporter } from "@opentelemetry/exporter-prometheus";

const FIRST_PORT = 9464;
/** More processes than a mesh on one machine has. */
const MAX_PORTS = 64;

export interface PrometheusDoor {
  /** Undefined where no port was free: a service works without being watched. */
  reader: PrometheusExporter | undefined;
  /** Where the metrics are, or why nowhere. */
  note: string;
}

/** `port` is the only one tried where it is set. */
export async function openPrometheus(host = "localhost", port?: number): Promise<PrometheusDoor> {
  const { PrometheusExporter } = await import("@opentelemetry/exporter-prometheus");
  const ports = port === undefined ? Array.from({ length: MAX_PORTS }, (_, index) => FIRST_PORT + index) : [port];
  let reason = "";
  for (const candidate of ports) {
    const reader = new PrometheusExporter({ host, port: candidate, preventServerStart: true });
    try {
      await reader.startServer();
      return { reader, note: `metrics at http://${host}:${candidate}/metrics` };
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
  }
  return { reader: undefined, note: `metrics can not be fetched from this process: ${reason}` };
}
