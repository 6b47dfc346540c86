// Receives traces and metrics over OTLP/HTTP in JSON and keeps them. It shares no code with the SDK that sends them.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  /** "" for a root. */
  parentSpanId: string;
  name: string;
  /** "internal", "server", "client", "producer" or "consumer". */
  kind: string;
  service: string;
  attributes: Record<string, string | number | boolean>;
  links: { traceId: string; spanId: string }[];
}

/** One series of a metric as last sent: sums and histograms grow, so the last one says it all. */
export interface ReceivedSeries {
  service: string;
  name: string;
  unit: string;
  kind: "sum" | "gauge" | "histogram";
  attributes: Record<string, string | number | boolean>;
  /** The value of a sum or gauge, the sum of a histogram. */
  value: number;
  /** Measurements of a histogram; 1 otherwise. */
  count: number;
  /** Upper bounds of a histogram's buckets; the last bucket has none. */
  bounds: number[];
  bucketCounts: number[];
}

/** Spans and series kept; a test that makes more has gone wrong. */
const MAX_SPANS = 100_000;
const MAX_SERIES = 10_000;
const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];

export class OtlpReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  readonly #series = new Map<string, ReceivedSeries>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<OtlpReceiver> {
    const server = createServer();
    const receiver = new OtlpReceiver(server);
    server.on("request", async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
      if (request.url === "/v1/metrics") receiver.#takeMetrics(body as MetricsRequest);
      else receiver.#takeSpans(body as TraceRequest);
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  /** Variables that make a process send its spans and metrics here, soon. */
  get env(): Record<string, string> {
    const { port } = this.#server.address() as AddressInfo;
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "100",
      OTEL_METRIC_EXPORT_INTERVAL: "500",
      OTEL_METRIC_EXPORT_TIMEOUT: "500",
    };
  }

  trace(traceId: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  /** Every series of a metric, or of all. */
  series(name?: string): ReceivedSeries[] {
    return [...this.#series.values()].filter((each) => name === undefined || each.name === name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #takeSpans({ resourceSpans = [] }: TraceRequest): void {
    for (const { resource, scopeSpans = [] } of resourceSpans) {
      const service = String(attributesOf(resource?.attributes)["service.name"] ?? "");
      for (const span of scopeSpans.flatMap(({ spans = [] }) => spans)) {
        if (this.spans.length >= MAX_SPANS) throw new Error(`more than ${MAX_SPANS} spans`);
        this.spans.push({
          traceId: span.traceId,
          spanId: span.spanId,
          parentSpanId: span.parentSpanId ?? "",
          name: span.name,
          kind: KINDS[span.kind ?? 0] ?? "unspecified",
          service,
          attributes: attributesOf(span.attributes),
          links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
        });
      }
    }
  }

  #takeMetrics({ resourceMetrics = [] }: MetricsRequest): void {
    for (const { resource, scopeMetrics = [] } of resourceMetrics) {
      const service = String(attributesOf(resource?.attributes)["service.name"] ?? "");
      for (const metric of scopeMetrics.flatMap(({ metrics = [] }) => metrics)) {
        for (const series of seriesOf(metric, service)) {
          this.#series.set(JSON.stringify([service, series.name, series.attributes]), series);
          if (this.#series.size > MAX_SERIES) throw new Error(`more than ${MAX_SERIES} series`);
        }
      }
    }
  }
}

function seriesOf(metric: WireMetric, service: string): ReceivedSeries[] {
  const { name, unit = "" } = metric;
  const kind = metric.histogram ? "histogram" : metric.gauge ? "gauge" : "sum";
  const { dataPoints = [] } = metric.histogram ?? metric.gauge ?? metric.sum ?? {};
  return dataPoints.map((point) => ({
    ...{ service, name, unit, kind },
    attributes: attributesOf(point.attributes),
    value: point.sum ?? point.asDouble ?? Number(point.asInt ?? 0),
    count: Number(point.count ?? 1),
    bounds: point.explicitBounds ?? [],
    bucketCounts: (point.bucketCounts ?? []).map(Number),
  }));
}

interface WirePoint {
  attributes?: KeyValue[];
  asInt?: string | number;
  asDouble?: number;
  sum?: number;
  count?: string | number;
  explicitBounds?: number[];
  bucketCounts?: (string | number)[];
}

interface WireMetric {
  name: string;
  unit?: string;
  sum?: { dataPoints?: WirePoint[] };
  gauge?: { dataPoints?: WirePoint[] };
  histogram?: { dataPoints?: WirePoint[] };
}

interface MetricsRequest {
  resourceMetrics?: { resource?: { attributes?: KeyValue[] }; scopeMetrics?: { metrics?: WireMetric[] }[] }[];
}

interface KeyValue {
  key: string;
  value: { stringValue?: string; intValue?: string | number; doubleValue?: number; boolValue?: boolean };
}

interface WireSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind?: number;
  attributes?: KeyValue[];
  links?: { traceId: string; spanId: string }[];
}

interface TraceRequest {
  resourceSpans?: { resource?: { attributes?: KeyValue[] }; scopeSpans?: { spans?: WireSpan[] }[] }[];
}

function attributesOf(list: readonly KeyValue[] = []): Record<string, string | number | boolean> {
  return Object.fromEntries(
    list.map(({ key, value }) => [
      key,
      value.stringValue ?? value.doubleValue ?? value.boolValue ?? Number(value.intValue ?? Number.NaN),
    ]),
  );
}
