// A sentence about figures: words and figures in turn, so that its numbers stay figures until they are rendered.
import { InternalError } from "@chimera/kernel";
import { type Figure, isFigure } from "./figure.ts";
import { formatFigure } from "./format.ts";

export type Phrase = readonly (string | Figure)[];

/** Throws InternalError where the words hold a digit: a number belongs in a figure. */
export function phrase(...parts: (string | Figure)[]): Phrase {
  for (const part of parts) {
    if (typeof part === "string" && /\d/.test(part)) throw new InternalError(`a bare number in the phrase "${part}"`);
    if (typeof part !== "string" && !isFigure(part)) throw new InternalError("a phrase takes checked figures only");
  }
  return parts;
}

export function phraseText(parts: Phrase): string {
  return parts.map((part) => (typeof part === "string" ? part : formatFigure(part))).join("");
}
