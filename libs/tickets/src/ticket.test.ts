import { describe, expect, it } from "vitest";
import { parseLabels } from "./ticket.ts";

describe("parseLabels", () => {
  it.each([
    ["intent=refund priority=normal\n", { intent: "refund", priority: "normal" }],
    ["priority=high intent=bug", { intent: "bug", priority: "high" }],
    ["Sure: intent=login.", { intent: "login" }],
    ["intent=refunds priority=none", {}],
    ["intent=", {}],
    ["refund normal", {}],
    ["", {}],
  ])("reads %j", (text, labels) => {
    expect(parseLabels(text)).toEqual(labels);
  });

  it("takes the first label where a model goes on", () => {
    expect(parseLabels("intent=bug priority=low\nintent=login priority=high").intent).toBe("bug");
  });
});
