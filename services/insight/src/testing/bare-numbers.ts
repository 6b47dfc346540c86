// Reads a rendered report as a suspicious reader would: every number in the document has to be found in the JSON beside it.
// It shares no code with the renderer.

interface JsonFigure {
  id: string;
  unit: string;
  value?: number;
  n: number;
  interval?: { low: number; high: number };
}

interface JsonReport {
  generatedAt: string;
  machine?: string;
  window: { from: string; to: string };
  figures: (JsonFigure & Record<string, unknown>)[];
  series: ({ id: string; xUnit: string; yUnit: string; points: { x: number; y: number }[] } & Record<
    string,
    unknown
  >)[];
  risks: ({ id: string } & Record<string, unknown>)[];
}

interface Open {
  name: string;
  attributes: ReadonlyMap<string, string>;
}

/** Every text with a number that the JSON does not back, in the order of the document. */
export function bareNumbers(html: string, json: string): string[] {
  const report = JSON.parse(json) as JsonReport;
  const body = html.slice(html.indexOf("<body"));
  const open: Open[] = [];
  const bare: string[] = [];
  for (const [token] of body.matchAll(/<[^>]+>|[^<]+/g)) {
    if (token.startsWith("</")) open.pop();
    else if (token.startsWith("<")) open.push(readTag(token));
    else if (/\d/.test(token) && !isBacked(unescaped(token), open, report)) bare.push(token);
  }
  return bare;
}

function readTag(tag: string): Open {
  const attributes = [...tag.matchAll(/ ([a-zA-Z-]+)="([^"]*)"/g)].map(
    ([, key = "", value = ""]) => [key, value] as const,
  );
  return { name: /^<([a-z0-9]+)/i.exec(tag)?.[1] ?? "", attributes: new Map(attributes) };
}

function isBacked(text: string, open: readonly Open[], report: JsonReport): boolean {
  const holder = open.at(-1);
  if (holder === undefined) return false;
  const get = (key: string) => holder.attributes.get(key);
  if (get("data-figure") !== undefined) return isFigurePart(text, get("data-figure"), get("data-part"), report);
  if (get("data-series") !== undefined) return isCoordinate(text, holder, report);
  if (get("data-wording") !== undefined) return isWording(text, holder, report);
  if (holder.name === "time") return isTime(text, get("datetime") ?? "", report);
  if (get("data-axis-tick") !== undefined) return open.some((element) => element.name === "svg");
  return get("data-machine") !== undefined && text === report.machine;
}

function isFigurePart(text: string, id: string | undefined, part: string | undefined, report: JsonReport): boolean {
  const figure = report.figures.find((candidate) => candidate.id === id);
  if (figure === undefined) return false;
  if (part === "n") return agree(text, [figure.n], "");
  if (part === "interval")
    return figure.interval !== undefined && agree(text, [figure.interval.low, figure.interval.high], figure.unit);
  return figure.value !== undefined && agree(text, [figure.value], figure.unit);
}

function isCoordinate(text: string, holder: Open, report: JsonReport): boolean {
  const series = report.series.find((candidate) => candidate.id === holder.attributes.get("data-series"));
  const point = series?.points[Number(holder.attributes.get("data-index"))];
  if (series === undefined || point === undefined) return false;
  return holder.attributes.get("data-axis") === "x"
    ? agree(text, [point.x], series.xUnit)
    : agree(text, [point.y], series.yUnit);
}

function isWording(text: string, holder: Open, report: JsonReport): boolean {
  const id = holder.attributes.get("data-wording");
  const field = holder.attributes.get("data-field") ?? "";
  const owners = [...report.figures, ...report.series, ...report.risks];
  return owners.some((owner) => owner.id === id && owner[field] === text);
}

function isTime(text: string, datetime: string, report: JsonReport): boolean {
  const times = [report.generatedAt, report.window.from, report.window.to];
  return times.includes(datetime) && text === `${datetime.slice(0, 10)} ${datetime.slice(11, 19)} UTC`;
}

/** Whether the numbers in the text are the values, rounded to the digits shown. */
function agree(text: string, values: readonly number[], unit: string): boolean {
  const scale = unit === "ratio" ? 100 : 1;
  const withoutUnit = text.endsWith(unit) ? text.slice(0, text.length - unit.length) : text;
  const shown = withoutUnit.match(/-?\d[\d,]*(\.\d+)?/g) ?? [];
  if (shown.length !== values.length) return false;
  if (text.startsWith("<")) return (values[0] ?? Number.NaN) * scale < Number(shown[0]);
  return shown.every((digits, index) => {
    const decimals = digits.split(".")[1]?.length ?? 0;
    const difference = Math.abs(Number(digits.replaceAll(",", "")) - (values[index] ?? Number.NaN) * scale);
    return difference <= 0.5 * 10 ** -decimals + 1e-9;
  });
}

function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}
