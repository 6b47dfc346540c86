import { describe, expect, it } from "vitest";
import { classesOf } from "./classes.ts";

describe("classesOf", () => {
  it("refuses a set of free texts", () => {
    const texts = Array.from({ length: 1001 }, (_, i) => `text ${i}`);
    expect(() => classesOf(texts)).toThrow("1001 classes; at most 1000");
    expect(classesOf(texts.slice(1).concat(texts.slice(1))).size).toBe(1000);
  });
});
