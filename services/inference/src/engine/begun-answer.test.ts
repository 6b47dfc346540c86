import { FailedPreconditionError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { begunHere, SentText } from "./begun-answer.ts";

describe("text that was sent", () => {
  it("is left out of what is made again, however that is cut", () => {
    const sent = new SentText("one two");
    expect(["on", "e", " t", "wo three", " four"].map((text) => sent.newOf(text))).toEqual([
      "",
      "",
      "",
      " three",
      " four",
    ]);
    expect(sent.left).toBe("");
  });

  it("is compared with what is made again", () => {
    const sent = new SentText("one two");
    sent.newOf("one ");
    expect(sent.left).toBe("two");
    expect(() => sent.newOf("too")).toThrow(FailedPreconditionError);
  });
});

describe("an answer that was begun", () => {
  it("goes on with the weights that began it, or with ones that nobody knows", () => {
    const begun = { text: "a", tokenIds: [1], modelVersion: "v1" };
    expect(begunHere(begun, "v1")).toBe(begun);
    expect(begunHere({ ...begun, modelVersion: "" }, "v2")).toMatchObject({ text: "a" });
    expect(() => begunHere(begun, "v2")).toThrow(/can not go on: model version v1 .* v2 is served here/);
  });

  it("is a new one where nothing was sent, with the weights that were named all the same", () => {
    const nothing = { text: "", tokenIds: [], modelVersion: "v1" };
    expect(begunHere(nothing, "v1")).toBeUndefined();
    expect(begunHere(undefined, "v1")).toBeUndefined();
    expect(() => begunHere(nothing, "v2")).toThrow(FailedPreconditionError);
  });
});
