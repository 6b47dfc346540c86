import { describe, expect, it } from "vitest";
import { labelReader } from "./label.ts";

describe("labelReader", () => {
  it.each([
    ["intent=refund priority=normal\n", "refund"],
    ["priority=high intent=bug", "bug"],
    ["Sure, intent=login.", "login"],
    ["subintent=login", ""],
    ["intent = bug", ""],
    ["intent=", ""],
    ["", ""],
    [`intent=${"x".repeat(65)}`, ""],
  ])("reads the first key of the target from %j", (answer, label) => {
    const reader = labelReader("intent=refund priority=normal");
    expect(reader?.target).toBe("refund");
    expect(reader?.read(answer)).toBe(label);
  });

  it("compares any other target as a whole, apart from letter case and blanks", () => {
    const reader = labelReader("  Very  Positive ");
    expect(reader?.target).toBe("very positive");
    expect(reader?.read("very positive\n")).toBe("very positive");
    expect(reader?.read("very positive indeed")).toBe("very positive indeed");
    expect(reader?.read("x".repeat(65))).toBe("");
  });

  it("finds no label in a blank or very long target", () => {
    expect(labelReader("  ")).toBeUndefined();
    expect(labelReader("x".repeat(65))).toBeUndefined();
    expect(labelReader(`intent=${"x".repeat(65)}`)).toBeUndefined();
  });
});
