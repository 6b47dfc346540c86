import { describe, expect, it } from "vitest";
import { blockTokens, heldShare, prefixKeys } from "./prefix-keys.ts";

const keysOf = (prompt: string) => prefixKeys({ messages: [], prompt });
/** Common beginning of two lists. */
const shared = (a: readonly number[], b: readonly number[]) => a.findIndex((key, i) => key !== b[i]);
const letters = (count: number, seed = 0) =>
  Array.from({ length: count }, (_, i) => String.fromCharCode(97 + ((i * i + seed) % 26))).join("");

describe("prefixKeys", () => {
  it("has a key for each whole block of 256 characters, and none for a short prompt", () => {
    expect(keysOf("hi")).toEqual([]);
    expect(keysOf(letters(255))).toEqual([]);
    expect(keysOf(letters(256))).toHaveLength(1);
    expect(keysOf(letters(1000))).toHaveLength(3);
  });

  it("shares keys up to where two prompts part", () => {
    const beginning = letters(600);
    const [a, b] = [keysOf(`${beginning}${letters(600, 1)}`), keysOf(`${beginning}${letters(600, 2)}`)];
    expect(shared(a, b)).toBe(2);
    // What is equal again behind a difference has another key.
    const c = keysOf(`x${letters(1199)}`);
    expect(shared(a, c)).toBe(0);
    expect(new Set([...a, ...c]).size).toBe(a.length + c.length);
  });

  it("grows with a conversation: an earlier prompt's keys are the beginning of a later one's", () => {
    const messages = [
      { role: 1, content: letters(300) },
      { role: 2, content: letters(400, 1) },
    ];
    const first = prefixKeys({ messages, prompt: "" });
    const later = prefixKeys({
      messages: [...messages, { role: 3, content: letters(500, 2) }, { role: 2, content: letters(300, 3) }],
      prompt: "",
    });
    expect(first.length).toBeGreaterThan(0);
    expect(later.slice(0, first.length)).toEqual(first);
  });

  it("tells who says what", () => {
    const keysWith = (...messages: { role: number; content: string }[]) => prefixKeys({ messages, prompt: "" });
    const content = letters(600);
    expect(keysWith({ role: 1, content })).not.toEqual(keysWith({ role: 2, content }));
    const [a, b] = [letters(300), letters(300, 1)];
    const [once, twice] = [
      keysWith({ role: 2, content: a + b }),
      keysWith({ role: 2, content: a }, { role: 2, content: b }),
    ];
    expect(once[0]).toBe(twice[0]);
    expect(once[1]).not.toBe(twice[1]);
  });

  it("reaches the end of the longest prompt with 64 keys", () => {
    const longest = letters(512 * 1024);
    const keys = keysOf(longest);
    expect(keys).toHaveLength(64);
    expect(new Set(keys).size).toBe(64);
    expect(keysOf(`${longest}more`)).toEqual(keys);
    expect(keysOf(`${longest.slice(0, -1)}!`).slice(0, 63)).toEqual(keys.slice(0, 63));
    expect(keysOf(`${longest.slice(0, -1)}!`)[63]).not.toBe(keys[63]);
  });

  it("makes keys that are exact numbers", () => {
    for (const key of keysOf(letters(20_000))) expect(Number.isSafeInteger(key) && key >= 0).toBe(true);
  });
});

describe("heldShare", () => {
  it("grows from nothing to nearly all", () => {
    for (const count of [1, 5, 24, 40, 64]) {
      const shares = Array.from({ length: count + 1 }, (_, held) => heldShare(held, count));
      expect(shares[0]).toBe(0);
      expect(shares.toSorted((a, b) => a - b)).toEqual(shares);
      expect(shares.at(-1)).toBeGreaterThan(0.6);
      expect(shares.at(-1)).toBeLessThanOrEqual(1);
    }
    expect(heldShare(12, 24)).toBeCloseTo(0.5, 1);
  });

  it("agrees with the sizes of blocks", () => {
    const tokens = Array.from({ length: 64 }, (_, i) => blockTokens(i));
    expect(tokens[0]).toBe(64);
    expect(tokens.reduce((sum, each) => sum + each, 0)).toBe(128 * 1024);
  });
});
