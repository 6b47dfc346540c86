// GetReport: the executive summary of a window, as messages and as documents.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type FigureSchema,
  type GetReportRequest,
  type GetReportResponse,
  GetReportResponseSchema,
  type WindowSchema,
} from "@chimera/contracts/insight";
import type { Context } from "../context.ts";
import type { Figure } from "../figure/figure.ts";
import { phraseText } from "../figure/phrase.ts";
import { renderHtml } from "../report/html.ts";
import { renderJson } from "../report/json.ts";
import { renderMarkdown } from "../report/markdown.ts";
import { reportOn } from "../report/report.ts";
import type { Window } from "../window/window.ts";

export function getReport(context: Context) {
  return (request: GetReportRequest): GetReportResponse => {
    const report = reportOn(context, { fromMs: epochMs(request.from), toMs: epochMs(request.to) });
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
  };
}

function epochMs(timestamp: Timestamp | undefined): number | undefined {
  return timestamp === undefined ? undefined : Number(timestamp.seconds) * 1000 + timestamp.nanos / 1e6;
}

function figureMessage(figure: Figure): MessageInitShape<typeof FigureSchema> {
  const { id, name, value, unit, definition, n, window, interval, method, source } = figure;
  return {
    ...{ id, name, unit, definition, method, source },
    n: BigInt(n),
    window: windowMessage(window),
    ...(value !== undefined && { value }),
    ...(interval !== undefined && { interval }),
  };
}

function windowMessage(window: Window): MessageInitShape<typeof WindowSchema> {
  return { from: timestampFromMs(window.fromMs), to: timestampFromMs(window.toMs) };
}
