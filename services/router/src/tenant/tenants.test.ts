import { createHash } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidRequestError, systemClock, UnauthenticatedError } from "@chimera/kernel";
import { ConfigError, readSettings } from "@chimera/lifecycle";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openTenants, type Tenants, tenantFields } from "./index.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const headers = (values: Record<string, string>) => (name: string) => values[name];
const bearer = (credential: string) => headers({ authorization: `Bearer ${credential}` });
const quiet = { info: () => undefined, warn: () => undefined, error: vi.fn() };

const folder = mkdtempSync(join(tmpdir(), "chimera-tenants-"));
const opened: Tenants[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

function open(env: Record<string, string>, host = "127.0.0.1"): Tenants {
  const config = readSettings("router", tenantFields, env);
  const tenants = openTenants(config, { host, clock: systemClock, logger: quiet, pollMs: 5 });
  opened.push(tenants);
  return tenants;
}

/** Whole at once, as a mounted secret changes. */
function put(name: string, contents: string): string {
  const file = join(folder, name);
  writeFileSync(`${file}.new`, contents);
  renameSync(`${file}.new`, file);
  return file;
}

describe("without keys", () => {
  it("takes the tenant the caller names, or the default one", () => {
    const tenants = open({});
    expect(tenants.resolve(headers({ "x-chimera-tenant": "acme" }))).toBe("acme");
    expect(tenants.resolve(headers({}))).toBe("default");
  });

  it.each([["../etc"], ["a b"], ["x".repeat(64)], ["-a"]])("refuses %s", (tenant) => {
    expect(() => open({}).resolve(headers({ "x-chimera-tenant": tenant }))).toThrow(InvalidRequestError);
  });

  it("does not open to other machines, unless something in front checks who calls", () => {
    expect(() => open({}, "0.0.0.0")).toThrow(/ROUTER_API_KEYS/);
    open({ ROUTER_ALLOW_ANONYMOUS: "true" }, "0.0.0.0");
    open({ ROUTER_API_KEYS: `acme=${sha256("k1")}` }, "0.0.0.0");
  });
});

describe("with keys", () => {
  const env = { ROUTER_API_KEYS: `acme=${sha256("k1")}, globex=${sha256("k2").toUpperCase()}` };

  it("takes the tenant from the credential alone, at once", () => {
    const tenants = open(env);
    expect(tenants.resolve(bearer("k2"))).toBe("globex");
    expect(tenants.resolve(headers({ authorization: "bearer k1", "x-chimera-tenant": "acme" }))).toBe("acme");
  });

  it("refuses a caller that claims to be another tenant, naming the header but no tenant", () => {
    const lie = headers({ authorization: "Bearer k2", "x-chimera-tenant": "acme" });
    expect(() => open(env).resolve(lie)).toThrow(InvalidRequestError);
    expect(() => open(env).resolve(lie)).toThrow(/x-chimera-tenant.*leave it out/);
    expect(() => open(env).resolve(lie)).not.toThrow(/globex/);
  });

  it.each([
    [{}],
    [{ authorization: "Bearer nope" }],
    [{ authorization: "Bearer a.b.c" }],
    [{ authorization: "Basic k1" }],
    [{ "x-chimera-tenant": "acme" }],
  ])("refuses %j", (values: Record<string, string>) => {
    expect(() => open(env).resolve(headers(values))).toThrow(UnauthenticatedError);
  });

  it("says which entry is wrong without quoting it", () => {
    expect(() => open({ ROUTER_API_KEYS: "acme=secret" })).toThrow(/entry 1.*SHA-256/);
    expect(() => open({ ROUTER_API_KEYS: "acme=secret" })).not.toThrow(/secret/);
    expect(() => open({ ROUTER_API_KEYS: `acme=${sha256("a")},b d=${sha256("b")}` })).toThrow(/entry 2.*tenant/);
    expect(() => open({ ROUTER_API_KEYS: `a=${sha256("k")},b=${sha256("k")}` })).toThrow(/a and b have the same key/);
  });
});

describe("with a file of keys", () => {
  it("follows the file, keeps the last good one, and never falls open", async () => {
    const file = put("keys", `# who may call\nacme=${sha256("k1")}\n`);
    const tenants = open({ ROUTER_API_KEYS: `fixed=${sha256("k0")}`, ROUTER_API_KEYS_FILE: file });
    expect(tenants.resolve(bearer("k0"))).toBe("fixed");
    expect(tenants.resolve(bearer("k1"))).toBe("acme");

    put("keys", `globex=${sha256("k2")}`);
    await vi.waitFor(() => expect(tenants.resolve(bearer("k2"))).toBe("globex"), 10_000);
    expect(() => tenants.resolve(bearer("k1"))).toThrow(UnauthenticatedError);

    put("keys", "globex=oops");
    await vi.waitFor(() => expect(quiet.error).toHaveBeenCalled(), 10_000);
    expect(JSON.stringify(quiet.error.mock.calls)).toMatch(/entry 1/);
    expect(JSON.stringify(quiet.error.mock.calls)).not.toMatch(/oops/);
    expect(tenants.resolve(bearer("k2"))).toBe("globex");

    put("keys", "# nobody");
    await vi.waitFor(() => expect(() => tenants.resolve(bearer("k2"))).toThrow(UnauthenticatedError), 10_000);
    expect(() => tenants.resolve(headers({}))).toThrow(UnauthenticatedError);
    rmSync(folder, { recursive: true });
  });

  it("does not start without it", () => {
    expect(() => open({ ROUTER_API_KEYS_FILE: "/nowhere/keys" })).toThrow(ConfigError);
    expect(() => open({ ROUTER_API_KEYS_FILE: "/nowhere/keys" })).toThrow(/ROUTER_API_KEYS_FILE = \/nowhere\/keys/);
  });
});
