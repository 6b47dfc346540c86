// Reads a rendered report as a suspicious reader would: every number in the document has to be found in the JSON beside it.
// It shares no code with the renderer.

/** Anything in the JSON that has an id: a figure, a curve, a risk, a prediction. */
interface Item {
  id: string;
  [field: string]: unknown;
}

interface JsonFigure extends Item {
  of?: string;
  unit: string;
  value?: number;
  n: number;
  interval?: { low: number; high: number; level: number };
}

interface JsonSeries extends Item {
  xUnit: string;
  yUnit: string;
  points: { x: number; y: number }[];
}

interface JsonReport {
  machine: string | undefined;
  items: Item[];
  /** Every time in it, as ISO 8601. */
  times: Set<string>;
}

interface Open {
  name: string;
  attributes: ReadonlyMap<string, string>;
}

/** Every text with a number that the JSON does not back, in the order of the document. */
export function bareNumbers(html: string, json: string): string[] {
  const report = readJson(json);
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

function readJson(json: string): JsonReport {
  const report: JsonReport = { machine: undefined, items: [], times: new Set() };
  JSON.parse(json, function (this: unknown, key: string, value: unknown) {
    if (key === "machine" && typeof value === "string") report.machine = value;
    if (typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) report.times.add(value);
    if (isItem(value)) report.items.push(value);
    return value;
  });
  return report;
}

function isItem(value: unknown): value is Item {
  return typeof value === "object" && value !== null && "id" in value && typeof value.id === "string";
}

function isFigure(item: Item): item is JsonFigure {
  const { unit, n } = item;
  return typeof unit === "string" && typeof n === "number";
}

function isSeries(item: Item): item is JsonSeries {
  const { points } = item;
  return Array.isArray(points);
}

function readTag(tag: string): Open {
  const attributes = [...tag.matchAll(/ ([a-zA-Z-]+)="([^"]*)"/g)].map(
    ([, key = "", value = ""]) => [key, unescaped(value)] as const,
  );
  return { name: /^<([a-z0-9]+)/i.exec(tag)?.[1] ?? "", attributes: new Map(attributes) };
}

function isBacked(text: string, open: readonly Open[], report: JsonReport): boolean {
  const holder = open.at(-1);
  if (holder === undefined) return false;
  const get = (key: string) => holder.attributes.get(key);
  if (get("data-figure") !== undefined) return isFigurePart(text, holder, report);
  if (get("data-series") !== undefined) return isCoordinate(text, holder, report);
  if (get("data-wording") !== undefined) return isWording(text, holder, report);
  if (holder.name === "time") return isTime(text, get("datetime") ?? "", report);
  if (get("data-axis-tick") !== undefined) return open.some((element) => element.name === "svg");
  return get("data-machine") !== undefined && text === report.machine;
}

function isFigurePart(text: string, { attributes }: Open, report: JsonReport): boolean {
  const [id, of, part] = ["data-figure", "data-of", "data-part"].map((name) => attributes.get(name));
  const figures = report.items.filter(isFigure).filter((each) => each.id === id && each.of === of);
  // The same prediction may be in the JSON as a recommendation and in the ledger: it has to say the same.
  return figures.length > 0 && figures.every((figure) => isPart(text, figure, part));
}

function isPart(text: string, { value, n, interval, unit }: JsonFigure, part: string | undefined): boolean {
  if (part === "n") return agree(text, [n], "");
  if (part === "level") return interval !== undefined && agree(text, [interval.level], "ratio");
  if (part === "interval") return interval !== undefined && agree(text, [interval.low, interval.high], unit);
  return value !== undefined && agree(text, [value], unit);
}

function isCoordinate(text: string, holder: Open, report: JsonReport): boolean {
  const series = report.items.filter(isSeries).find((each) => each.id === holder.attributes.get("data-series"));
  const point = series?.points[Number(holder.attributes.get("data-index"))];
  if (series === undefined || point === undefined) return false;
  return holder.attributes.get("data-axis") === "x"
    ? agree(text, [point.x], series.xUnit)
    : agree(text, [point.y], series.yUnit);
}

function isWording(text: string, holder: Open, report: JsonReport): boolean {
  const id = holder.attributes.get("data-wording");
  const field = holder.attributes.get("data-field") ?? "";
  return report.items.some((owner) => owner.id === id && [owner[field]].flat().includes(text));
}

function isTime(text: string, datetime: string, report: JsonReport): boolean {
  return report.times.has(datetime) && text === `${datetime.slice(0, 10)} ${datetime.slice(11, 19)} UTC`;
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
