import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { drawJargon, mislabel, writeTicket } from "./generator.ts";
import { CUES, HIGH_CLOSINGS, INTENTS, JARGON } from "./grammar.ts";

const draw = (count: number, seed = 7) => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => writeTicket(random));
};

describe("writeTicket", () => {
  it("gives the same tickets for the same seed and others for another", () => {
    expect(draw(50, 1)).toEqual(draw(50, 1));
    expect(draw(50, 1)).not.toEqual(draw(50, 2));
  });

  it("always says what the labelled intent is", () => {
    for (const ticket of draw(500)) expect(CUES[ticket.intent].some((cue) => ticket.text.includes(cue))).toBe(true);
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
    const cues = Object.values(CUES).flat();
    const competing = draw(2000).filter((ticket) => cues.filter((cue) => ticket.text.includes(cue)).length > 1);
    expect(competing.length / 2000).toBeGreaterThan(0.17);
    expect(competing.length / 2000).toBeLessThan(0.27);
    const marks = /but that is solved|the earlier ticket was :|more important :/;
    expect(competing.filter((ticket) => !marks.test(ticket.text))).toEqual([]);
  });

  it("uses a tenant's word, with that tenant's meaning and no plain cue, when given jargon", () => {
    const random = seededRandom(3);
    const ticket = writeTicket(random, new Map([["zorn", "refund"]]));
    expect(ticket.intent).toBe("refund");
    expect(ticket.text).toContain("zorn");
    expect(
      Object.values(CUES)
        .flat()
        .some((cue) => ticket.text.includes(cue)),
    ).toBe(false);
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
