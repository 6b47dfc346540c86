import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { nearDuplicates } from "./near-duplicates.ts";

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
