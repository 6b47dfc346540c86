// Shows a Markdown report in a terminal: headings and strong words stand out, tables become columns. Only what our reports use
// is understood; everything else is shown as it is written.
import type { Style } from "./terminal.ts";

export type Paint = (style: Style, text: string) => string;

const TABLE_ROW = /^\s*\|.*\|\s*$/;
const TABLE_RULE = /^\s*\|[\s:|-]+\|\s*$/;

export function renderMarkdown(markdown: string, paint: Paint): string {
  const output: string[] = [];
  let rows: string[] = [];
  const endTable = () => {
    if (rows.length > 0) output.push(...renderTable(rows, paint));
    rows = [];
  };
  for (const line of markdown.split("\n")) {
    if (TABLE_ROW.test(line)) {
      rows.push(line);
      continue;
    }
    endTable();
    output.push(renderLine(line, paint));
  }
  endTable();
  return output.join("\n").replace(/\n{3,}/g, "\n\n");
}

function renderLine(line: string, paint: Paint): string {
  const heading = /^(#{1,6})\s+(.*)$/.exec(line);
  if (heading) return paint(heading[1] === "#" ? ["bold", "underline"] : "bold", plain(heading[2] ?? ""));
  return inline(line.replace(/^(\s*)[-*]\s+/, "$1• "), paint);
}

/** Strong and code marks become colour; links keep their text and address. */
function inline(text: string, paint: Paint): string {
  return text
    .replace(/\*\*(.+?)\*\*/g, (_, strong: string) => paint("bold", strong))
    .replace(/`([^`]+)`/g, (_, code: string) => paint("cyan", code))
    .replace(/\[([^\]]+)\]\(([^)]+)\)/g, "$1 ($2)");
}

/** The same without marks: what it takes on the screen. */
function plain(text: string): string {
  return inline(text, (_, kept) => kept);
}

function renderTable(rows: readonly string[], paint: Paint): string[] {
  const cells = rows.filter((row) => !TABLE_RULE.test(row)).map(cellsOf);
  const columns = Math.max(...cells.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) =>
    Math.max(...cells.map((row) => plain(row[at] ?? "").length)),
  );
  return cells.map((row, index) => {
    const padded = row.map((cell, at) => {
      const gap = " ".repeat((widths[at] ?? 0) - plain(cell).length);
      return index === 0 ? paint("dim", plain(cell)) + gap : inline(cell, paint) + gap;
    });
    return `  ${padded.join("  ").trimEnd()}`;
  });
}

function cellsOf(row: string): string[] {
  return row
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));
}
