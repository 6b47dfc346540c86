import { InvalidRequestError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { resolveWindow } from "./report-window.ts";

const seen = { firstEventMs: 1000, nowMs: 9000 };

describe("resolveWindow", () => {
  it("fills open ends with the first event and with now", () => {
    expect(resolveWindow({ fromMs: undefined, toMs: undefined }, seen)).toEqual({ fromMs: 1000, toMs: 9000 });
    expect(resolveWindow({ fromMs: 2000, toMs: undefined }, seen)).toEqual({ fromMs: 2000, toMs: 9000 });
    expect(resolveWindow({ fromMs: undefined, toMs: 500 }, seen)).toEqual({ fromMs: 500, toMs: 500 });
  });

  it("is empty, not wrong, before the first event", () => {
    const nothing = { firstEventMs: undefined, nowMs: 9000 };
    expect(resolveWindow({ fromMs: undefined, toMs: undefined }, nothing)).toEqual({ fromMs: 9000, toMs: 9000 });
  });

  it.each([
    [{ fromMs: 5000, toMs: 4000 }, "from: lies after to"],
    [{ fromMs: 9001, toMs: undefined }, "from: lies after now"],
    [{ fromMs: Number.NaN, toMs: 4000 }, "from: is no time"],
    [{ fromMs: 0, toMs: 1e15 }, "to: is no time"],
  ])("names the field that is wrong in %o", (asked, message) => {
    expect(() => resolveWindow(asked, seen)).toThrow(InvalidRequestError);
    expect(() => resolveWindow(asked, seen)).toThrow(message);
  });
});
