import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { GhostList } from "./ghost-list.ts";
import { keyHash } from "./key-hash.ts";

describe("GhostList", () => {
  it("forgets the oldest first, by bytes and by number", () => {
    const byBytes = new GhostList({ maxBytes: 100 });
    byBytes.add(1, 60);
    byBytes.add(2, 40);
    byBytes.add(3, 1);
    expect([byBytes.has(1), byBytes.has(2), byBytes.bytes]).toEqual([false, true, 41]);
    const byNumber = new GhostList({ maxBytes: 100, maxKeys: 2 });
    for (const hash of [1, 2, 3]) byNumber.add(hash, 1);
    expect([byNumber.has(1), byNumber.size]).toEqual([false, 2]);
  });

  it.each([1, 2, 3])("agrees with a plain list over random steps, seed %i", (seed) => {
    const random = seededRandom(seed);
    const ghosts = new GhostList({ maxBytes: 60_000 });
    let model: { hash: number; bytes: number }[] = [];
    for (let step = 0; step < 6000; step += 1) {
      const hash = Math.floor(random() * 3000);
      const isKnown = model.some((ghost) => ghost.hash === hash);
      model = model.filter((ghost) => ghost.hash !== hash);
      if (random() < 0.3) expect(ghosts.take(hash)).toBe(isKnown);
      else {
        const bytes = 1 + Math.floor(random() * 100);
        ghosts.add(hash, bytes);
        model.push({ hash, bytes });
        while (sum(model) > 60_000) model.shift();
      }
      expect(ghosts.size).toBe(model.length);
      expect(ghosts.has(hash)).toBe(model.at(-1)?.hash === hash);
    }
    expect(ghosts.bytes).toBe(sum(model));
    for (const { hash } of model) expect(ghosts.take(hash)).toBe(true);
    expect([ghosts.size, ghosts.bytes]).toEqual([0, 0]);
  });
});

function sum(ghosts: readonly { bytes: number }[]): number {
  return ghosts.reduce((total, { bytes }) => total + bytes, 0);
}

describe("keyHash", () => {
  it("tells 200,000 keys apart about as well as 32 bits of chance", () => {
    const hashes = new Set<number>();
    for (let number = 0; number < 200_000; number += 1) hashes.add(keyHash(`acme:${number}`));
    expect(hashes.size).toBeGreaterThan(199_970);
    const inLowTenth = [...hashes].filter((hash) => hash >>> 0 < 0.1 * 2 ** 32).length;
    expect(inLowTenth / hashes.size).toBeCloseTo(0.1, 2);
  });
});
