import { describe, expect, it } from "vitest";
import { type EpisodePlan, episodes, type Segment } from "./episodes.ts";
import { HELD_OUT_JARGON } from "./grammar.ts";
import { noveltyOf } from "./novelty.ts";

const plan: EpisodePlan = {
  forms: { kv: 1 },
  tickets: 8,
  jargonWords: [2],
  jargonShares: [0.5],
  terseShare: 0,
  bareShare: 0.3,
  retrievedShare: 0.5,
  shots: 4,
  history: 16,
  rarityPower: 6,
  labelNoise: 0,
};

function draw(count: number, changed: Partial<EpisodePlan> = {}, seed = 5): (readonly Segment[])[] {
  const drawn = episodes({ ...plan, ...changed }, seed);
  return Array.from({ length: count }, () => drawn.next().value);
}
const textOf = (segments: readonly Segment[]) => segments.map(([text]) => text).join("");
const ticketsIn = (segments: readonly Segment[]) =>
  [...textOf(segments).matchAll(/### ticket\n(.*)\n### labels\nintent=(\w+)/g)].map(([, text = "", intent = ""]) => ({
    text,
    intent,
  }));

describe("episodes", () => {
  it("are the same for the same seed and others for another", () => {
    expect(draw(20)).toEqual(draw(20));
    expect(draw(20)).not.toEqual(draw(20, {}, 6));
  });

  it("hold no phrasing and no word that is kept from training", () => {
    const tickets = draw(400).flatMap(ticketsIn);
    expect(tickets.length).toBeGreaterThan(2000);
    expect(tickets.filter(({ text }) => noveltyOf(text) === "phrasing" || noveltyOf(text) === "word")).toEqual([]);
    expect(HELD_OUT_JARGON.some((word) => tickets.some(({ text }) => text.split(" ").includes(word)))).toBe(false);
  });

  it("call a made-up word a guess at first and explained from then on, with one meaning", () => {
    for (const segments of draw(200, { retrievedShare: 0, jargonShares: [1] })) {
      const meanings = new Map<string, string>();
      const roles = segments.map(([, role]) => role).filter((role) => role === "guess" || role === "jargon");
      ticketsIn(segments).forEach(({ text, intent }, i) => {
        const word = text.split(" ").find((candidate) => noveltyOf(candidate) === "jargon") ?? "";
        expect(roles[i]).toBe(meanings.has(word) ? "jargon" : "guess");
        expect(meanings.get(word) ?? intent).toBe(intent);
        meanings.set(word, intent);
      });
    }
  });

  it("put tickets with the asked word before it when they end as a served prompt does", () => {
    const ends = draw(200, { retrievedShare: 1, jargonShares: [0.6] }).map(
      (segments) => segments.findLast(([, role]) => ["intent", "jargon", "guess"].includes(role))?.[1],
    );
    const jargon = ends.filter((role) => role !== "intent");
    expect(jargon.filter((role) => role === "jargon").length / jargon.length).toBeGreaterThan(0.95);
  });
});
