// How much of a ticket the bundled model has met in training; quality is reported apart for each kind.
import { CUE_SLOTS, CUES, HELD_OUT_JARGON, isTrainedCue } from "./grammar.ts";
import { jargonWordsIn } from "./ticket.ts";

// "phrasing": a sentence kept from training, for the asked intent or for another one it mentions. "word": likewise a
// made-up word. The meaning of every made-up word is unknown to the model, also of a "jargon" one.
export type Novelty = "known" | "phrasing" | "jargon" | "word";

const HELD_OUT_CUES = Object.values(CUES)
  .flatMap((cues) => cues.filter((_, i) => !isTrainedCue(i)))
  .map(
    (cue) => new RegExp(`(^| [.:] )${cue.replace(/\{(\w+)\}/g, (_, slot) => `(${CUE_SLOTS[slot]?.join("|")})`)}( |$)`),
  );

export function noveltyOf(text: string): Novelty {
  const [word] = jargonWordsIn(text);
  if (word !== undefined) return HELD_OUT_JARGON.includes(word) ? "word" : "jargon";
  return HELD_OUT_CUES.some((cue) => cue.test(text)) ? "phrasing" : "known";
}
