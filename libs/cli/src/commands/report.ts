// `chimera report`: the executive summary of what the mesh did.
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { addressOf } from "../addresses.ts";
import type { Surroundings } from "../config.ts";
import { moment } from "../parse.ts";
import { fetchReport, REPORT_FORMATS, type ReportFormat, textOf, writeReport } from "../report.ts";
import { renderMarkdown } from "../terminal/markdown.ts";

interface ReportOptions {
  out?: string;
  format?: ReportFormat;
  from?: number;
  to?: number;
  url?: string;
}

const EXAMPLES = `
Examples:
  chimera report                           show it here
  chimera report --from 15m                only the last 15 minutes
  chimera report --out reports             write report.md, report.json and report.html
  chimera report --format json | jq .      for a program`;

export function reportCommand(surroundings: Surroundings): Command {
  const parseMoment = moment(() => surroundings.clock.nowMs());
  return new Command("report")
    .summary("show or write the executive summary")
    .description("Fetches the executive summary from insight. Without --out it is printed.")
    .option("--out <dir>", "write the report into this folder")
    .addOption(
      new Option("--format <format>", "one format only; with --out all three where left out").choices(REPORT_FORMATS),
    )
    .option("--from <time>", "start: ISO time, or an age such as 15m; the first event where left out", parseMoment)
    .option("--to <time>", "end; now where left out", parseMoment)
    .option("--url <url>", "insight of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((options: ReportOptions) => report(options, surroundings));
}

async function report(options: ReportOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, cwd, stopped } = surroundings;
  const url = addressOf("insight", options.url, surroundings);
  const response = await fetchReport(url, { fromMs: options.from, toMs: options.to }, stopped);
  if (options.out !== undefined) {
    const paths = writeReport(response, resolve(cwd, options.out), options.format ? [options.format] : REPORT_FORMATS);
    terminal.out(`${paths.join("\n")}\n`);
    return;
  }
  const format = options.format ?? "md";
  const text = textOf(response, format);
  terminal.out(format === "md" && terminal.outIsTty ? renderMarkdown(text, terminal.paintOut) : text);
}
