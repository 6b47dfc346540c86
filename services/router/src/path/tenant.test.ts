import { createHash } from "node:crypto";
import { InvalidRequestError, UnauthenticatedError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { parseApiKeys, tenantResolver } from "./tenant.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const headers = (values: Record<string, string>) => (name: string) => values[name];

describe("without keys", () => {
  const resolver = tenantResolver([]);
  it("takes the tenant the caller names, or the default one", () => {
    expect(resolver.resolve(headers({ "x-chimera-tenant": "acme" }))).toBe("acme");
    expect(resolver.resolve(headers({}))).toBe("default");
  });
  it.each([["../etc"], ["a b"], ["x".repeat(64)], ["-a"]])("refuses %s", (tenant) => {
    expect(() => resolver.resolve(headers({ "x-chimera-tenant": tenant }))).toThrow(InvalidRequestError);
  });
});

describe("with keys", () => {
  const resolver = tenantResolver(parseApiKeys(`acme=${sha256("k1")}, globex=${sha256("k2")}`));
  it("takes the tenant from the credential alone, whatever the caller claims", () => {
    const claim = { authorization: "Bearer k2", "x-chimera-tenant": "acme" };
    expect(resolver.resolve(headers(claim))).toBe("globex");
    expect(resolver.resolve(headers({ authorization: "bearer k1" }))).toBe("acme");
  });
  it.each([
    [{}],
    [{ authorization: "Bearer nope" }],
    [{ authorization: "Basic k1" }],
    [{ "x-chimera-tenant": "acme" }],
  ])("refuses %j", (values: Record<string, string>) => {
    expect(() => resolver.resolve(headers(values))).toThrow(UnauthenticatedError);
  });
});

describe("parseApiKeys", () => {
  it("says which entry is wrong without quoting it", () => {
    expect(() => parseApiKeys("acme=secret")).toThrow(/entry 1.*SHA-256/);
    expect(() => parseApiKeys("acme=secret")).not.toThrow(/secret/);
    expect(() => parseApiKeys(`acme=${sha256("a")},b d=${sha256("b")}`)).toThrow(/entry 2.*tenant/);
  });
});
