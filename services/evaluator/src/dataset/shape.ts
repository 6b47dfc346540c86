// What kind of answers a data set asks for, told by all of its targets: labels, JSON, or free texts. How it is scored follows.
import { isKeyed, labelReader } from "../scorer/label.ts";
import type { Item } from "./item.ts";

export type Shape = "labels" | "json" | "texts";

type Targets = Pick<Item, "target" | "accepted">;

/** Items per label, on average, below which short targets are texts that happen to be short. */
const MIN_ITEMS_PER_LABEL = 2;

export function shapeOf(items: readonly Targets[]): Shape {
  if (items.every(({ target }) => isJson(target))) return "json";
  return areLabels(items) ? "labels" : "texts";
}

function areLabels(items: readonly Targets[]): boolean {
  if (items.some(({ accepted }) => accepted !== undefined)) return false;
  const labels = items.map(({ target }) => labelReader(target)?.target);
  if (!labels.every((label) => label !== undefined)) return false;
  if (items.every(({ target }) => isKeyed(target))) return true;
  return new Set(labels).size * MIN_ITEMS_PER_LABEL <= labels.length;
}

/** An object or a list; a number alone is a short text. */
function isJson(target: string): boolean {
  if (!/^\s*[[{]/.test(target)) return false;
  try {
    JSON.parse(target);
    return true;
  } catch {
    return false;
  }
}
