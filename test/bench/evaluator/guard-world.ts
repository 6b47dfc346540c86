// A made-up world with a known truth, in which overfitting can be planted: items whose answers are right with the true
// quality of the configuration, half of them always alike, plus whatever the planted fault adds on some of them.
import { type Random, seededRandom } from "@chimera/kernel";
import { type Configuration, keyOf } from "../../../services/evaluator/src/tuner/space.ts";

export interface WorldItem {
  id: string;
  text: string;
}

export interface World {
  readonly seed: number;
  /** Over all items there could ever be. */
  trueQuality(configuration: Configuration): number;
  /** What measuring on this item shows beyond that. */
  flattery(configuration: Configuration, item: WorldItem): number;
}

export const WORDS_PER_ITEM = 12;

export function worldItems(side: string, count: number, random: Random): WorldItem[] {
  return Array.from({ length: count }, (_, item) => ({ id: `${side} ${item}`, text: textOf(random) }));
}

export function textOf(random: Random): string {
  return Array.from({ length: WORDS_PER_ITEM }, () => `w${Math.floor(random() * 2000)}`).join(" ");
}

/** The same item under the same configuration and answer seed is answered the same. */
export function scoresOf(world: World, configuration: Configuration, { items, answerSeed = 0 }: Asked): number[] {
  const key = keyOf(configuration);
  const quality = world.trueQuality(configuration);
  return items.map((item) => {
    const difficulty = chance(`${world.seed} ${item.id}`);
    // Half of the items are hard or easy in themselves, the other half are won or lost anew by each configuration.
    const isStable = chance(`${world.seed} stable ${item.id}`) < 0.5;
    const luck = isStable ? difficulty : chance(`${world.seed} ${item.id} ${key} ${answerSeed}`);
    return luck < quality + world.flattery(configuration, item) ? 1 : 0;
  });
}

export interface Asked {
  items: readonly WorldItem[];
  answerSeed?: number;
}

/** Uniform in [0, 1), from the text alone (FNV-1a into the kernel's generator). */
function chance(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return seededRandom(hash)();
}
