import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { nearDuplicates } from "./near-duplicates.ts";
import { assignSides, SIDES, type SplitItem } from "./splits.ts";

const random = seededRandom(1);
const sentence = () => Array.from({ length: 14 }, () => `word${Math.floor(random() * 500)}`).join(" ");

describe("nearDuplicates", () => {
  it("finds copies, reworded copies and shared ids, and nothing else", () => {
    const items = Array.from({ length: 200 }, (_, i) => ({ id: `item ${i}`, text: sentence() }));
    const copied = items[3]?.text ?? "";
    const shots = [
      { id: "copy", text: copied.toUpperCase().replaceAll(" ", ", ") },
      { id: "reworded", text: copied.split(" ").with(13, "changed").join(" ") },
      { id: "item 7", text: sentence() },
      { id: "other", text: sentence() },
    ];
    const found = nearDuplicates(shots, items).map(({ left, right }) => `${left} = ${right}`);
    expect(found.sort()).toEqual(["copy = item 3", "item 7 = item 7", "reworded = item 3"]);
  });

  it("is not fooled by what all texts have in common", () => {
    const boilerplate = "dear support team i have the following problem with my account";
    const texts = Array.from({ length: 300 }, (_, i) => ({ id: `${i}`, text: `${boilerplate} ${sentence()}` }));
    expect(nearDuplicates(texts.slice(0, 150), texts.slice(150))).toEqual([]);
  });

  it("takes short texts whole", () => {
    const pairs = nearDuplicates(
      [{ id: "a", text: "refund please" }],
      [
        { id: "b", text: "Refund, please!" },
        { id: "c", text: "refund" },
      ],
    );
    expect(pairs.map(({ right }) => right)).toEqual(["b"]);
  });
});

describe("assignSides", () => {
  const shares = { train: 0.4, validation: 0.3, holdout: 0.2, vault: 0.1 };
  const items: SplitItem[] = Array.from({ length: 2000 }, (_, i) => ({
    id: `${i}`,
    text: sentence(),
    cluster: i < 1000 ? `user ${Math.floor(i / 4)}` : undefined,
  }));

  it("keeps the shares, and clusters and near-duplicates together", () => {
    const copies = items.slice(1500, 1520).map(({ text }, i) => ({ id: `copy ${i}`, text }));
    const sides = assignSides([...items, ...copies], { shares, salt: "1" });
    for (const side of SIDES) {
      const share = [...sides.values()].filter((each) => each === side).length / sides.size;
      expect(Math.abs(share - shares[side])).toBeLessThan(0.05);
    }
    for (let i = 0; i < 1000; i++) expect(sides.get(`${i}`)).toBe(sides.get(`${i - (i % 4)}`));
    copies.forEach(({ id }, i) => {
      expect(sides.get(id)).toBe(sides.get(`${1500 + i}`));
    });
  });

  it("never moves an item, whatever its order and whatever comes later", () => {
    const few = items.slice(0, 400);
    const before = assignSides(few, { shares, salt: "1" });
    expect(assignSides(few.toReversed(), { shares, salt: "1" })).toEqual(new Map([...before].reverse()));
    const bridge = { id: "00 bridge", text: few[5]?.text ?? "", cluster: "new user" };
    const after = assignSides([...few, bridge], { shares, salt: "1", assigned: before });
    for (const [id, side] of before) expect(after.get(id)).toBe(side);
    expect(after.get(bridge.id)).toBe(before.get("5"));
  });

  it("splits differently with another salt", () => {
    const [one, other] = ["1", "2"].map((salt) => assignSides(items, { shares, salt }));
    expect([...(one ?? [])].filter(([id, side]) => other?.get(id) !== side).length).toBeGreaterThan(500);
  });
});
