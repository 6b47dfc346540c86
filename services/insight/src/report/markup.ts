// A small writer of HTML and SVG that refuses a bare number: words with a digit in them do not pass as text. Numbers come
// from a figure or a series, times from the window, and the wording of a definition is marked as such.
import { InternalError } from "@chimera/kernel";
import { type Figure, isFigure } from "../figure/figure.ts";
import {
  formatCount,
  formatFigure,
  formatInterval,
  formatLevel,
  formatNumber,
  formatTime,
  NO_DATA,
} from "../figure/format.ts";
import type { Phrase } from "../figure/phrase.ts";
import type { Point, Series } from "../figure/series.ts";

declare const written: unique symbol;
/** Text that is safe to place in a document. */
export type Markup = { readonly [written]: true; toString(): string };

type Attributes = Readonly<Record<string, string | number>>;
type Child = Markup | string | readonly Child[];

/** Elements of HTML that have no end tag. */
const VOID = new Set(["meta"]);

/** One element. Children that are strings go through the check for bare numbers. */
export function element(name: string, attributes: Attributes, ...children: readonly Child[]): Markup {
  const shown = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`);
  const open = `<${name}${shown.join("")}`;
  return raw(VOID.has(name) ? `${open}>` : `${open}>${join(children)}</${name}>`);
}

/** Throws InternalError on a bare number. */
export function text(words: string): Markup {
  if (/\d/.test(words)) throw new InternalError(`a bare number in the report: "${words}"`);
  return raw(escaped(words));
}

/** A number of a figure, rounded for reading; the element says which figure and carries the value in full. */
export function number(figure: Figure, part: "value" | "interval" | "level" | "n" = "value"): Markup {
  if (!isFigure(figure)) throw new InternalError("only a checked figure can be shown");
  const which: Attributes = figure.of === undefined ? {} : { "data-of": figure.of };
  const attributes = { "data-figure": figure.id, ...which, "data-part": part };
  if (part === "n") return rawElement("data", { ...attributes, value: figure.n }, formatCount(figure.n));
  if (part === "level") return rawElement("span", attributes, formatLevel(figure));
  if (part === "interval") return rawElement("span", attributes, formatInterval(figure));
  if (figure.value === undefined) return rawElement("span", { ...attributes, class: "none" }, NO_DATA);
  return rawElement("data", { ...attributes, value: figure.value }, formatFigure(figure));
}

/** One coordinate of a point of a series. */
export function coordinate(series: Series, index: number, axis: keyof Point): Markup {
  const value = series.points[index]?.[axis];
  if (value === undefined) throw new InternalError(`the series ${series.id} has no point ${index}`);
  const attributes = { "data-series": series.id, "data-index": index, "data-axis": axis, value };
  return rawElement("data", attributes, formatNumber(value, axis === "x" ? series.xUnit : series.yUnit));
}

/** Wording that belongs to a figure or a series and may hold digits: "95th percentile". */
export function wording(of: Figure | Series, field: "name" | "definition" | "method" | "source", tag = "span"): Markup {
  return rawElement(tag, { "data-wording": of.id, "data-field": field }, of[field]);
}

/** Words of an object of the report that were written with figures in them: a rule, a reason, what holds where. */
export function worded(id: string, field: string, words: string): Markup {
  return rawElement("span", { "data-wording": id, "data-field": field }, words);
}

/** The operator's own description of the machine. */
export function machineName(machine: string): Markup {
  return rawElement("span", { "data-machine": "" }, machine);
}

export function time(epochMs: number): Markup {
  return rawElement("time", { datetime: new Date(epochMs).toISOString() }, formatTime(epochMs));
}

/** The label of a tick on an axis of a plot. */
export function tick(attributes: Attributes, label: string): Markup {
  return rawElement("text", { ...attributes, "data-axis-tick": "" }, label);
}

export function sentence(parts: Phrase): Markup {
  return raw(parts.map((part) => String(typeof part === "string" ? text(part) : number(part))).join(""));
}

/** Wraps a finished style sheet or document type; nothing that comes from outside may go through it. */
export function trusted(html: string): Markup {
  return raw(html);
}

function rawElement(name: string, attributes: Attributes, content: string): Markup {
  return element(name, attributes, raw(escaped(content)));
}

function join(children: readonly Child[]): string {
  return children
    .map((child) => (isList(child) ? join(child) : String(typeof child === "string" ? text(child) : child)))
    .join("");
}

function isList(child: Child): child is readonly Child[] {
  return Array.isArray(child);
}

function raw(html: string): Markup {
  return { toString: () => html } as Markup;
}

function escaped(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
