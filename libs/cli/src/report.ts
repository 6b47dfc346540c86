// Fetches the executive summary from insight and writes it where it is wanted.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Figure, type GetReportResponse, InsightService, type Recommendation } from "@chimera/contracts/insight";
import type { Clock } from "@chimera/kernel";
import { connectClient, fromConnectError } from "@chimera/rpc";

export const REPORT_FORMATS = ["md", "json", "html"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

const TIMEOUT_MS = 30_000;
const EVENTS_POLL_MS = 100;
/** Figures whose n tells how many requests, and how many scored answers, insight knows of. */
const FIGURES = { requests: "requests.count", scored: "quality.live_accuracy" } as const;

export interface ReportWindow {
  /** The first event where unset. */
  fromMs?: number | undefined;
  /** Now where unset. */
  toMs?: number | undefined;
}

export async function fetchReport(
  insightUrl: string,
  window: ReportWindow,
  signal: AbortSignal,
): Promise<GetReportResponse> {
  const { client, close } = connectClient(InsightService, insightUrl, { maxResponseBytes: 32 * 1024 * 1024 });
  try {
    const request = { ...at("from", window.fromMs), ...at("to", window.toMs) };
    return await client.getReport(request, { signal, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    throw fromConnectError(error);
  } finally {
    close();
  }
}

/** Made from the traffic so far; the report shows the last ones. */
export async function fetchRecommendations(insightUrl: string, signal: AbortSignal): Promise<Recommendation[]> {
  const { client, close } = connectClient(InsightService, insightUrl);
  try {
    return (await client.listRecommendations({}, { signal, timeoutMs: TIMEOUT_MS })).recommendations;
  } catch (error) {
    throw fromConnectError(error);
  } finally {
    close();
  }
}

function at<K extends "from" | "to">(name: K, ms: number | undefined) {
  if (ms === undefined) return {};
  const whole = Math.floor(ms / 1000);
  return { [name]: { seconds: BigInt(whole), nanos: Math.round((ms - whole * 1000) * 1e6) } };
}

export interface SettleOptions {
  insightUrl: string;
  fromMs: number;
  /** Requests and scored answers that must be known. */
  requests: number;
  scored: number;
  maxWaitMs: number;
  clock: Clock;
  signal: AbortSignal;
}

/** Events travel behind the requests: waits until insight knows of all of them, or the time is over. Returns how many it knows. */
export async function untilSettled(options: SettleOptions): Promise<number> {
  const { insightUrl, fromMs, clock, signal } = options;
  const deadline = clock.monotonicMs() + options.maxWaitMs;
  for (;;) {
    const report = await fetchReport(insightUrl, { fromMs }, signal);
    const requests = Number(figureOf(report, FIGURES.requests)?.n ?? 0);
    const scored = Number(figureOf(report, FIGURES.scored)?.n ?? 0);
    const settled = requests >= options.requests && scored >= options.scored;
    if (settled || clock.monotonicMs() >= deadline) return requests;
    await wait(EVENTS_POLL_MS, undefined, { signal });
  }
}

function figureOf({ figures }: GetReportResponse, id: string): Figure | undefined {
  return figures.find((figure) => figure.id === id);
}

/** Writes report.<format> for each format; returns the paths. */
export function writeReport(report: GetReportResponse, folder: string, formats: readonly ReportFormat[]): string[] {
  mkdirSync(folder, { recursive: true });
  return formats.map((format) => {
    const path = join(folder, `report.${format}`);
    writeFileSync(path, textOf(report, format));
    return path;
  });
}

export function textOf(report: GetReportResponse, format: ReportFormat): string {
  const text = { md: report.markdown, json: report.json, html: report.html }[format];
  return text.endsWith("\n") ? text : `${text}\n`;
}
