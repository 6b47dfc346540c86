import { describe, expect, it } from "vitest";
import { isHopeless, PromptEstimate } from "./prompt-estimate.ts";

describe("PromptEstimate", () => {
  it("comes closer to what the server counts", () => {
    const estimate = new PromptEstimate();
    const input = { kind: "prompt", prompt: "x".repeat(1000) } as const;
    expect(estimate.tokens(input)).toBe(250);
    for (let i = 0; i < 30; i++) estimate.record(input, 500);
    expect(estimate.tokens(input)).toBeGreaterThan(490);
    expect(estimate.tokens(input)).toBeLessThanOrEqual(500);
  });

  it("never says that there is nothing, and learns nothing from a count that can not be", () => {
    const estimate = new PromptEstimate();
    expect(estimate.tokens({ kind: "prompt", prompt: "x" })).toBe(1);
    estimate.record({ kind: "prompt", prompt: "hello" }, 0);
    expect(estimate.tokens({ kind: "prompt", prompt: "x".repeat(40) })).toBe(10);
  });

  it("calls hopeless only what no tokenizer could bring into the context", () => {
    expect(isHopeless({ kind: "prompt", prompt: "x".repeat(1600) }, 100)).toBe(false);
    expect(isHopeless({ kind: "messages", messages: [{ role: "user", content: "x".repeat(1600) }] }, 100)).toBe(true);
  });
});
