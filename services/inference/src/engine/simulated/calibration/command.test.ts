import { describe, expect, it } from "vitest";
import { parseCommand, UsageError } from "./command.ts";

describe("the calibration's command line", () => {
  it("fits several recordings and holds out three tenths where nothing else is said", () => {
    expect(parseCommand(["--spans", "a", "--spans", "b", "--against", "c", "--step-tokens", "512"])).toEqual({
      kind: "fit",
      spans: ["a", "b"],
      holdout: 0.3,
      against: ["c"],
      stepTokens: 512,
      json: undefined,
    });
  });

  it("records", () => {
    const words = ["--record", "--url", "http://127.0.0.1:7102", "--rate", "20", "--seconds", "8", "--out", "a"];
    expect(parseCommand(words)).toEqual({
      kind: "record",
      url: "http://127.0.0.1:7102",
      ratePerS: 20,
      seconds: 8,
      seed: 1,
      maxTokens: 24,
      slots: undefined,
      out: "a",
    });
  });

  it.each([
    [[], /--spans FILE/],
    [["--record", "--rate", "1"], /--record needs --url/],
    [["--spans", "a", "--holdout", "2"], /--holdout must be a number from 0 to 0.9/],
    [["--rats", "1"], /--rats/],
  ])("says what is wrong with %j", (words, message) => {
    expect(() => parseCommand(words)).toThrow(message);
    expect(() => parseCommand(words)).toThrow(UsageError);
  });
});
