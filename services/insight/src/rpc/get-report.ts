// GetReport: the executive summary of a window, as messages and as documents.
import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type GetReportRequest, type GetReportResponse, GetReportResponseSchema } from "@chimera/contracts/insight";
import type { Context } from "../context.ts";
import { phraseText } from "../figure/phrase.ts";
import { renderHtml } from "../report/html.ts";
import { renderJson } from "../report/json.ts";
import { renderMarkdown } from "../report/markdown.ts";
import { reportOn } from "../report/report.ts";
import type { Report } from "../report/summary.ts";
import { figureMessage, windowMessage } from "./messages.ts";

export function getReport(context: Context) {
  return (request: GetReportRequest): GetReportResponse =>
    reportMessage(reportOn(context, { fromMs: epochMs(request.from), toMs: epochMs(request.to) }));
}

export function reportMessage(report: Report): GetReportResponse {
  return create(GetReportResponseSchema, {
    generatedAt: timestampFromMs(report.generatedAtMs),
    window: windowMessage(report.window),
    figures: report.figures.map(figureMessage),
    risks: report.risks.map((risk) => ({
      ...risk,
      sign: `${phraseText(risk.sign)} (${risk.rule})`,
      figureIds: [...risk.figureIds],
    })),
    json: renderJson(report),
    markdown: renderMarkdown(report),
    html: renderHtml(report),
  });
}

function epochMs(timestamp: Timestamp | undefined): number | undefined {
  return timestamp === undefined ? undefined : Number(timestamp.seconds) * 1000 + timestamp.nanos / 1e6;
}
