import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { drawJargon, mislabel, writeTicket } from "./generator.ts";
import {
  CUE_SLOTS,
  CUES,
  HELD_OUT_JARGON,
  HIGH_CLOSINGS,
  INTENTS,
  type Intent,
  isTrainedCue,
  JARGON,
} from "./grammar.ts";

const draw = (count: number, seed = 7) => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => writeTicket(random));
};

// Every sentence a list of lines can make, as one pattern a line.
const patternsOf = (cues: readonly string[]) =>
  cues.map((cue) => new RegExp(cue.replace(/\{(\w+)\}/g, (_, slot: string) => `(${CUE_SLOTS[slot]?.join("|")})`)));
const patterns = new Map(INTENTS.map((intent): [Intent, RegExp[]] => [intent, patternsOf(CUES[intent])]));
const cuesIn = (text: string) => [...patterns.values()].flat().filter((pattern) => pattern.test(text)).length;

describe("the cues", () => {
  it("are 36 an intent, six of them kept from training, none said for two intents", () => {
    for (const intent of INTENTS) {
      expect(new Set(CUES[intent]).size).toBe(36);
      expect(CUES[intent].filter((_, i) => !isTrainedCue(i)).length).toBe(6);
    }
    expect(new Set(Object.values(CUES).flat()).size).toBe(36 * INTENTS.length);
  });

  it("name only places that have values", () => {
    const slots = Object.values(CUES)
      .flat()
      .flatMap((cue) => [...cue.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ""));
    expect(slots.filter((slot) => CUE_SLOTS[slot] === undefined)).toEqual([]);
  });
});

describe("writeTicket", () => {
  it("gives the same tickets for the same seed and others for another", () => {
    expect(draw(50, 1)).toEqual(draw(50, 1));
    expect(draw(50, 1)).not.toEqual(draw(50, 2));
  });

  it("always says what the labelled intent is", () => {
    for (const ticket of draw(500)) {
      expect(patterns.get(ticket.intent)?.some((pattern) => pattern.test(ticket.text))).toBe(true);
    }
  });

  it("lets an urgent closing win over the intent's own priority", () => {
    const urgent = draw(2000).filter((ticket) => HIGH_CLOSINGS.some((closing) => ticket.text.endsWith(closing)));
    expect(urgent.length).toBeGreaterThan(400);
    expect(urgent.every((ticket) => ticket.priority === "high")).toBe(true);
  });

  it("leaves a neutral outage high, a neutral wish low and everything else normal", () => {
    const neutral = draw(3000).filter((ticket) => ticket.text.endsWith(" . thanks in advance"));
    for (const { intent, priority } of neutral) {
      expect(priority).toBe(intent === "outage" ? "high" : intent === "feature" ? "low" : "normal");
    }
    expect(new Set(neutral.map((ticket) => ticket.intent)).size).toBe(INTENTS.length);
  });

  it("marks a second intent so that it can be told from the asked one", () => {
    const marks = /but that is solved|the earlier ticket was :|more important :/;
    const competing = draw(2000).filter((ticket) => marks.test(ticket.text));
    expect(competing.length / 2000).toBeGreaterThan(0.17);
    expect(competing.length / 2000).toBeLessThan(0.27);
    expect(competing.filter((ticket) => cuesIn(ticket.text) < 2)).toEqual([]);
  });

  it("uses a tenant's word, with that tenant's meaning and no plain cue, when given jargon", () => {
    const random = seededRandom(3);
    const ticket = writeTicket(random, { jargon: new Map([["zorn", "refund"]]) });
    expect(ticket.intent).toBe("refund");
    expect(ticket.text).toContain("zorn");
    expect(cuesIn(ticket.text)).toBe(0);
  });

  it("gives near duplicates one skeleton: greeting and slot values do not count", () => {
    const orders = draw(20_000).filter(
      (ticket) => /this is about order \d+$/.test(ticket.text) || ticket.text.includes("order"),
    );
    const bySkeleton = Map.groupBy(orders, (ticket) => ticket.skeleton);
    const shared = [...bySkeleton.values()].filter((group) => new Set(group.map((ticket) => ticket.text)).size > 1);
    expect(shared.length).toBeGreaterThan(0);
    for (const group of shared) expect(new Set(group.map((ticket) => ticket.intent)).size).toBe(1);
  });
});

describe("drawJargon", () => {
  it("gives distinct words a meaning each", () => {
    const jargon = drawJargon(seededRandom(1), 4);
    expect(jargon.size).toBe(4);
    expect([...jargon.keys()].every((word) => JARGON.includes(word))).toBe(true);
    expect(drawJargon(seededRandom(1), 1000).size).toBe(JARGON.length);
    expect(HELD_OUT_JARGON.some((word) => drawJargon(seededRandom(1), 1000, "trained").has(word))).toBe(false);
  });
});

describe("mislabel", () => {
  it("moves a priority by one step at most and keeps labels at rate 0", () => {
    const random = seededRandom(5);
    expect(mislabel(random, { intent: "bug", priority: "low" }, 0)).toEqual({ intent: "bug", priority: "low" });
    const seen = new Set(
      Array.from({ length: 100 }, () => mislabel(random, { intent: "bug", priority: "low" }, 1).priority),
    );
    expect(seen).toEqual(new Set(["low", "normal"]));
  });
});
