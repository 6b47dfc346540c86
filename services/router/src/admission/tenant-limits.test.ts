import { describe, expect, it } from "vitest";
import { limitsOf, parseTenantLimits } from "./tenant-limits.ts";

describe("parseTenantLimits", () => {
  it("gives a tenant its own limits, and what it does not set from everybody's", () => {
    const table = parseTenantLimits(
      '{"*":{"requestsPerS":50},"acme":{"weight":4,"tokensPerS":2000,"maxConcurrent":64}}',
    );
    expect(limitsOf(table, "acme")).toEqual({ weight: 4, requestsPerS: 50, tokensPerS: 2000, maxConcurrent: 64 });
    expect(limitsOf(table, "someone")).toEqual({ weight: 1, requestsPerS: 50 });
  });

  it("lifts a limit of everybody's for one tenant by null", () => {
    const table = parseTenantLimits(
      '{"*":{"requestsPerS":50,"requestBurst":9},"acme":{"requestsPerS":null,"requestBurst":null}}',
    );
    expect(limitsOf(table, "acme")).toEqual({ weight: 1 });
  });

  it.each([[""], ["  "], ["{}"]])("sets no limits where %j says none", (text) => {
    expect(limitsOf(parseTenantLimits(text), "acme")).toEqual({ weight: 1 });
  });

  it.each([
    ["{", /the text: is no JSON.*Write it like \{/],
    ["[]", /the text: .*record/],
    ['{"acme":{"weight":0}}', /acme\.weight: .*0\.001/],
    ['{"acme":{"weight":"4"}}', /acme\.weight: .*number/],
    ['{"*":{"requestsPerS":-1}}', /\*\.requestsPerS: /],
    ['{"acme":{"maxConcurrent":1.5}}', /acme\.maxConcurrent: .*int/],
    ['{"acme":{"requestPerS":5}}', /acme: .*"requestPerS".*fields: weight, requestsPerS/],
    ['{"acme":{"tokenBurst":5}}', /acme\.tokenBurst: says nothing without tokensPerS/],
    ['{"a b":{}}', /a b: is no name of a tenant/],
  ])("says what is wrong with %s, where, and what would be right", (text, message) => {
    expect(() => parseTenantLimits(text)).toThrow(message);
    expect(() => parseTenantLimits(text)).toThrow(/Write it like \{"\*"/);
  });
});
