import { describe, expect, it } from "vitest";
import { parseTenantQuotas, shareOf } from "./tenant-quotas.ts";

describe("parseTenantQuotas", () => {
  it("gives everybody half where nothing is said, and a tenant its own", () => {
    const quotas = parseTenantQuotas('{"acme":{"bytes":250},"all":{"share":1},"huge":{"bytes":5000}}');
    const share = (tenant: string) => shareOf(quotas, tenant, 1000);
    expect([share("somebody"), share("acme"), share("all"), share("huge")]).toEqual([0.5, 0.25, 1, 1]);
    expect(shareOf(parseTenantQuotas(""), "somebody", 1000)).toBe(0.5);
    expect(shareOf(parseTenantQuotas('{"*":{"share":0.2}}'), "somebody", 1000)).toBe(0.2);
  });

  it.each([
    ["{", "is no JSON"],
    ['{"acme":{"share":2}}', "acme.share"],
    ['{"acme":{"share":0.5,"bytes":3}}', "set either share or bytes"],
    ['{"acme":{}}', "set either share or bytes"],
    ['{"acme":{"size":3}}', "acme"],
    ['{"a b":{"share":0.5}}', "is no name of a tenant"],
  ])("refuses %s and says how to write it", (text, message) => {
    expect(() => parseTenantQuotas(text)).toThrow(message);
    expect(() => parseTenantQuotas(text)).toThrow("Write it like");
  });
});
