// Beginnings that many prompts of a model share, from prompts that stand for all. An engine that has computed one starts all
// of them faster.
import type { CacheKeyInput } from "@chimera/contracts/cache";
import type { Message } from "@chimera/contracts/common";

export interface SharedPrefix {
  model: string;
  /** Either messages or a prompt. */
  messages: Message[];
  prompt: string;
  characters: number;
  /** Prompts of the sample that begin with it. */
  prompts: number;
}

/** Shorter ones are computed in no time. */
const MIN_CHARACTERS = 64;
/** Prompts without messages are compared at every so many characters. */
const STEP_CHARACTERS = 128;
/** Beginnings of one prompt that are compared, the longest of them. */
const MAX_BEGINNINGS = 32;

interface Beginning extends SharedPrefix {
  /** Places of its prompts in the sample. */
  places: number[];
}

/** The beginnings that save most characters, best first. Each counts only what those before it do not cover. */
export function sharedPrefixes(sample: readonly CacheKeyInput[], most: number): SharedPrefix[] {
  const beginnings = new Map<string, Beginning>();
  sample.forEach((input, place) => {
    for (const beginning of beginningsOf(input)) {
      const id = JSON.stringify([
        beginning.model,
        beginning.prompt,
        beginning.messages.map((m) => [m.role, m.content]),
      ]);
      const known = beginnings.get(id) ?? { ...beginning, places: [] };
      known.places.push(place);
      beginnings.set(id, known);
    }
  });
  const shared = [...beginnings.values()].filter(({ places }) => places.length > 1);
  return bestOf(shared, new Float64Array(sample.length), most);
}

function bestOf(shared: readonly Beginning[], covered: Float64Array, most: number): SharedPrefix[] {
  const chosen: SharedPrefix[] = [];
  while (chosen.length < most) {
    let best: Beginning | undefined;
    let bestGain = 0;
    for (const beginning of shared) {
      const { characters, places } = beginning;
      const gain = places.reduce((sum, place) => sum + Math.max(0, characters - (covered[place] ?? 0)), 0);
      if (gain > bestGain) [best, bestGain] = [beginning, gain];
    }
    if (best === undefined) break;
    const { places, ...prefix } = best;
    for (const place of places) covered[place] = Math.max(covered[place] ?? 0, best.characters);
    chosen.push({ ...prefix, prompts: places.length });
  }
  return chosen;
}

/** All but the last message, and shorter; or pieces of the prompt. */
function beginningsOf({ model, messages, prompt }: CacheKeyInput): SharedPrefix[] {
  const found: SharedPrefix[] = [];
  let characters = 0;
  for (let count = 1; count < messages.length; count++) {
    characters += messages[count - 1]?.content.length ?? 0;
    found.push({ model, messages: messages.slice(0, count), prompt: "", characters, prompts: 1 });
  }
  for (let end = STEP_CHARACTERS; end < prompt.length; end += STEP_CHARACTERS) {
    found.push({ model, messages: [], prompt: prompt.slice(0, end), characters: end, prompts: 1 });
  }
  return found.filter((each) => each.characters >= MIN_CHARACTERS).slice(-MAX_BEGINNINGS);
}
