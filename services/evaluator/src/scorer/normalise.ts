// Texts made comparable. "squad" follows the evaluation script of SQuAD (Rajpurkar et al. 2016): lower case, no punctuation, no
// English articles, single blanks.
import { z } from "zod";

export const normalisation = z.enum(["none", "blanks", "squad"]);
export type Normalisation = z.infer<typeof normalisation>;

// ASCII punctuation as Python's string.punctuation has it, and what CJK texts have in its place.
const PUNCTUATION = /[!-/:-@[-`{-~\u3001-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]/g;
const ARTICLES = /\b(?:a|an|the)\b/g;
// Written without blanks between words: each code point is a token. Korean has blanks.
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu;
// Most texts have none, and the test without the "u" flag is cheap.
const MAY_BE_UNSPACED = /[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\ud840-\ud88f]/;

export function normalise(text: string, how: Normalisation): string {
  if (how === "none") return text;
  if (how === "blanks") return text.trim().toLowerCase().replaceAll(/\s+/g, " ");
  return squadTokens(text).join(" ");
}

/** Tokens of SQuAD's script; Chinese and Japanese per code point. */
export function squadTokens(text: string): string[] {
  const plain = text.toLowerCase().replace(PUNCTUATION, "").replace(ARTICLES, " ");
  const spaced = MAY_BE_UNSPACED.test(plain) ? plain.replace(UNSPACED, " $& ") : plain;
  return spaced.split(/\s+/).filter((token) => token !== "");
}
