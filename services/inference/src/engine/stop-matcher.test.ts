import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { StopMatcher } from "./stop-matcher.ts";

function feed(stops: readonly string[], pieces: readonly string[]) {
  const matcher = new StopMatcher(stops);
  const sent: string[] = [];
  for (const piece of pieces) {
    const step = matcher.push(piece);
    sent.push(step.text);
    if (step.stopped) return { text: sent.join(""), sent, stopped: true };
  }
  sent.push(matcher.flush());
  return { text: sent.join(""), sent, stopped: false };
}

describe("StopMatcher", () => {
  it("never sends the beginning of a stop text that then completes", () => {
    const { sent, stopped } = feed(["</end>"], ["yes <", "/e", "n", "d> no"]);
    expect(sent).toEqual(["yes ", "", "", ""]);
    expect(stopped).toBe(true);
  });

  it("sends what looked like a stop text once it is not one", () => {
    expect(feed(["</end>"], ["a</e", "vent>b"]).sent).toEqual(["a", "</event>b", ""]);
  });

  it("sends at the end what it still held back", () => {
    expect(feed(["\n\n"], ["line\n"])).toMatchObject({ text: "line\n", stopped: false });
  });

  it("passes text straight through where nothing can match", () => {
    expect(feed([], ["a", "b"]).sent).toEqual(["a", "b", ""]);
    expect(feed(["xyz"], ["a", "b"]).sent).toEqual(["a", "b", ""]);
  });

  it("takes the stop text that ends first, and the longest of those that end together", () => {
    expect(feed(["abcd", "bc"], ["1abcd2"]).text).toBe("1a");
    expect(feed(["c", "bc"], ["1abc2"]).text).toBe("1a");
  });

  it("cuts at the same place however the text is cut into pieces", () => {
    const random = seededRandom(11);
    const letters = (length: number) => Array.from({ length }, () => "ab\n"[Math.floor(random() * 3)]).join("");
    for (let round = 0; round < 2000; round++) {
      const text = letters(12);
      const stops = Array.from({ length: 1 + Math.floor(random() * 3) }, () => letters(1 + Math.floor(random() * 4)));
      const pieces: string[] = [];
      for (let at = 0; at < text.length; ) {
        const length = 1 + Math.floor(random() * 4);
        pieces.push(text.slice(at, at + length));
        at += length;
      }
      const oneByOne = feed(stops, [...text]);
      expect(feed(stops, pieces)).toMatchObject({ text: oneByOne.text, stopped: oneByOne.stopped });
      for (const stop of stops) expect(oneByOne.text.includes(stop)).toBe(false);
    }
  });
});
