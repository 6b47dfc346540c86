// How an item becomes a conversation, by the name of a template: what stands before the solved examples and the item itself.
import { SYSTEM_LINE } from "@chimera/tickets";

export interface TemplateInput {
  /** Targets of the examples that may be shown, each once, sorted. */
  targets: readonly string[];
}

/** The system message; undefined where there is none. */
export type Template = (input: TemplateInput) => string | undefined;

// A longer list would leave no room for the item.
const MAX_NAMED_LABELS = 64;

/** "plain" is the item alone. The others say what is wanted; "labels" also what may be answered. */
export const TEMPLATES: ReadonlyMap<string, Template> = new Map<string, Template>([
  ["plain", () => undefined],
  ["desk", () => SYSTEM_LINE],
  ["instruction", () => "read the ticket . answer with its labels alone , in the form of the examples ."],
  [
    "labels",
    ({ targets }) => `read the text and answer with one of : ${targets.slice(0, MAX_NAMED_LABELS).join(" , ")}`,
  ],
]);
