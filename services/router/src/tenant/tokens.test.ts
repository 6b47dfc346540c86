// Tokens as an issuer makes them and as an attacker would, against keys served over HTTP or from a file.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, InvalidRequestError, UnauthenticatedError, UnavailableError } from "@chimera/kernel";
import { ConfigError, readSettings } from "@chimera/lifecycle";
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { openTenants, type Tenants, tenantFields } from "./index.ts";

const ISSUER = "https://issuer.example";
const AUDIENCE = "chimera";
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Time that only moves when told to. */
class HandClock implements Clock {
  ms = 1_700_000_000_000;
  nowMs = () => this.ms;
  monotonicMs = () => this.ms;
  pass(ms: number): void {
    this.ms += ms;
  }
}

interface Signer {
  algorithm: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  jwk: JWK;
}

async function signer(algorithm: string, kid: string): Promise<Signer> {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  return { algorithm, ...pair, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg: algorithm } };
}

/** An issuer that publishes its keys, is away when told, and counts how often it was asked. */
class Issuer {
  keys: JWK[] = [];
  isAway = false;
  asked = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((_request, response) => {
      this.asked += 1;
      if (this.isAway) response.writeHead(503).end();
      else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: this.keys }));
    });
  }

  static async start(): Promise<Issuer> {
    const issuer = new Issuer();
    await new Promise<void>((resolve) => issuer.#server.listen(0, "127.0.0.1", resolve));
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const signers: Record<string, Signer> = {};
let clock: HandClock;
let issuer: Issuer;
let tenants: Tenants | undefined;

beforeAll(async () => {
  for (const [name, algorithm] of Object.entries({ rsa: "RS256", curve: "ES256", edwards: "EdDSA", rsa2: "RS256" })) {
    signers[name] = await signer(algorithm, name);
  }
});
beforeEach(async () => {
  clock = new HandClock();
  issuer = await Issuer.start();
});
afterEach(() => {
  tenants?.close();
  issuer.close();
});

function keyOf(name: string): Signer {
  const found = signers[name];
  if (!found) throw new Error(`no signer ${name}`);
  return found;
}

/** Opens the door of a router that takes tokens of this issuer. */
function open(env: Record<string, string> = {}): Tenants {
  const settings = {
    ROUTER_JWT_JWKS_URL: issuer.url,
    ROUTER_JWT_ISSUER: ISSUER,
    ROUTER_JWT_AUDIENCE: AUDIENCE,
    ...env,
  };
  tenants = openTenants(readSettings("router", tenantFields, settings), {
    host: "0.0.0.0",
    clock,
    logger: quiet,
    pollMs: 5,
  });
  return tenants;
}

interface Changes {
  by?: string;
  kid?: string;
  claims?: Record<string, unknown>;
}

function claimsOf(claims: Record<string, unknown> = {}): Record<string, unknown> {
  const nowS = Math.floor(clock.ms / 1000);
  return { iss: ISSUER, aud: AUDIENCE, exp: nowS + 600, tenant: "acme", ...claims };
}

function token({ by = "rsa", kid = by, claims = {} }: Changes = {}): Promise<string> {
  const { algorithm, privateKey } = keyOf(by);
  return new SignJWT(claimsOf(claims)).setProtectedHeader({ alg: algorithm, kid }).sign(privateKey);
}

const asked = (at: Tenants, credential: string, more: Record<string, string> = {}) => {
  const values: Record<string, string> = { authorization: `Bearer ${credential}`, ...more };
  return at.resolve((name) => values[name]);
};

const refusal = async (at: Tenants, credential: string): Promise<Error> => {
  try {
    await asked(at, credential);
  } catch (error) {
    return error as Error;
  }
  throw new Error("the token was taken");
};

describe("a good token", () => {
  it("gives its tenant, signed in any of the accepted ways, and the second time at once", async () => {
    issuer.keys = ["rsa", "curve", "edwards"].map((name) => keyOf(name).jwk);
    const door = open();
    for (const by of ["rsa", "curve", "edwards"]) {
      const made = await token({ by, claims: { tenant: `of-${by}` } });
      expect(await asked(door, made)).toBe(`of-${by}`);
      expect(asked(door, made)).toBe(`of-${by}`);
    }
  });

  it("names its tenant in the claim that is set, and may have other audiences as well", async () => {
    issuer.keys = [keyOf("rsa").jwk];
    const door = open({ ROUTER_JWT_TENANT_CLAIM: "https://acme.example/org" });
    const claims = { tenant: undefined, "https://acme.example/org": "globex", aud: ["other", AUDIENCE] };
    expect(await asked(door, await token({ claims }))).toBe("globex");
  });

  it("is no way to be another tenant, also once it is known", async () => {
    issuer.keys = [keyOf("rsa").jwk];
    const door = open();
    const made = await token();
    await expect(async () => asked(door, made, { "x-chimera-tenant": "globex" })).rejects.toThrow(InvalidRequestError);
    expect(await asked(door, made, { "x-chimera-tenant": "acme" })).toBe("acme");
    expect(() => asked(door, made, { "x-chimera-tenant": "globex" })).toThrow(InvalidRequestError);
  });

  it("stands beside API keys", async () => {
    issuer.keys = [keyOf("rsa").jwk];
    const door = open({ ROUTER_API_KEYS: `fixed=${"a0".repeat(32)}` });
    expect(await asked(door, await token())).toBe("acme");
    expect((await refusal(door, "no-such-key")).message).toMatch(/API key is not known/);
  });

  it("ends when it expires, though it was known, with the issuer's clock five seconds off at most", async () => {
    issuer.keys = [keyOf("rsa").jwk];
    const door = open();
    const made = await token();
    await asked(door, made);
    clock.pass(604_000);
    expect(asked(door, made)).toBe("acme");
    clock.pass(2000);
    expect((await refusal(door, made)).message).toMatch(/expired, get a new one/);
  });
});

describe("a token that must not open the door", () => {
  let door: Tenants;
  beforeEach(() => {
    issuer.keys = [keyOf("rsa").jwk];
    door = open();
  });

  const nowS = () => Math.floor(clock.ms / 1000);
  const cases: [string, () => Promise<string> | string, RegExp][] = [
    ["for another audience", () => token({ claims: { aud: "billing" } }), /`aud`/],
    ["without an audience", () => token({ claims: { aud: undefined } }), /`aud`/],
    ["of another issuer", () => token({ claims: { iss: "https://evil.example" } }), /`iss`/],
    ["that never expires", () => token({ claims: { exp: undefined } }), /`exp`/],
    ["that has expired", () => token({ claims: { exp: nowS() - 6 } }), /expired/],
    ["that is not valid yet", () => token({ claims: { nbf: nowS() + 60 } }), /not valid yet/],
    ["without a tenant", () => token({ claims: { tenant: undefined } }), /"tenant" names no tenant/],
    ["with a tenant that is none", () => token({ claims: { tenant: "../etc" } }), /"tenant" names no tenant/],
    ["with a list as its tenant", () => token({ claims: { tenant: ["acme"] } }), /"tenant" names no tenant/],
    ["of a key nobody publishes", () => token({ by: "rsa2" }), /does not publish/],
    ["of another key under a known name", () => token({ by: "rsa2", kid: "rsa" }), /signature is wrong/],
    ["that is not signed", () => new UnsecuredJWT(claimsOf()).encode(), /.*/],
    ["that is none", () => "a.b.c", /can not be read/],
  ];
  it.each(cases)("%s", async (_name, make, message) => {
    const error = await refusal(door, await make());
    expect(error).toBeInstanceOf(UnauthenticatedError);
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/acme|billing|evil/);
  });

  it("signed with the public key as a shared secret", async () => {
    const secret = new TextEncoder().encode(await exportSPKI(keyOf("rsa").publicKey));
    const forged = await new SignJWT(claimsOf()).setProtectedHeader({ alg: "HS256", kid: "rsa" }).sign(secret);
    expect((await refusal(door, forged)).message).toMatch(/RS256, ES256, EdDSA are/);
  });

  it("signed in a way that is not listed, though its key is published", async () => {
    issuer.keys = [keyOf("rsa").jwk, keyOf("curve").jwk];
    tenants?.close();
    const strict = open({ ROUTER_JWT_ALGORITHMS: "ES256" });
    expect(await refusal(strict, await token())).toBeInstanceOf(UnauthenticatedError);
    expect(await asked(strict, await token({ by: "curve" }))).toBe("acme");
  });

  it("with one byte changed", async () => {
    const made = await token();
    await asked(door, made);
    const [head, , signature] = made.split(".");
    const body = Buffer.from(JSON.stringify(claimsOf({ tenant: "globex" }))).toString("base64url");
    expect(await refusal(door, `${head}.${body}.${signature}`)).toBeInstanceOf(UnauthenticatedError);
  });
});

describe("the issuer's keys", () => {
  it("may be away: tokens of keys that are known are taken, others are told to try again", async () => {
    issuer.keys = [keyOf("rsa").jwk];
    const door = open();
    await asked(door, await token());
    issuer.isAway = true;
    clock.pass(60_000);
    expect(await refusal(door, await token({ by: "curve" }))).toBeInstanceOf(UnavailableError);
    expect(await asked(door, await token({ claims: { tenant: "fresh" } }))).toBe("fresh");
  });

  it("may be away at the start, and are found once they are there", async () => {
    issuer.isAway = true;
    const door = open();
    expect(await refusal(door, await token({ by: "rsa" }))).toBeInstanceOf(UnavailableError);
    issuer.isAway = false;
    issuer.keys = [keyOf("rsa").jwk];
    clock.pass(10_001);
    expect(await asked(door, await token())).toBe("acme");
  });

  it("are asked for a new key at most once in ten seconds, however many tokens name one", async () => {
    issuer.keys = [keyOf("rsa").jwk];
    const door = open();
    await asked(door, await token());
    expect(issuer.asked).toBe(1);
    issuer.keys = [keyOf("rsa").jwk, keyOf("curve").jwk];
    expect(await refusal(door, await token({ by: "curve" }))).toBeInstanceOf(UnauthenticatedError);
    expect(issuer.asked).toBe(1);
    clock.pass(10_001);
    const many = await Promise.all(Array.from({ length: 50 }, () => token({ by: "curve" })));
    expect(new Set(await Promise.all(many.map((each) => asked(door, each))))).toEqual(new Set(["acme"]));
    expect(issuer.asked).toBe(2);
    for (let i = 0; i < 20; i++) await refusal(door, await token({ kid: `made-up-${i}` }));
    expect(issuer.asked).toBe(2);
  });

  it("come from a file as well, and a key that left the file takes its tokens along, known ones too", async () => {
    const folder = mkdtempSync(join(tmpdir(), "chimera-jwks-"));
    const file = join(folder, "jwks.json");
    const put = (keys: JWK[]) => {
      writeFileSync(`${file}.new`, JSON.stringify({ keys }));
      renameSync(`${file}.new`, file);
    };
    put([keyOf("rsa").jwk]);
    const door = open({ ROUTER_JWT_JWKS_URL: "", ROUTER_JWT_JWKS_FILE: file });
    const [old, young] = [await token(), await token({ by: "edwards" })];
    expect(await asked(door, old)).toBe("acme");
    put([keyOf("edwards").jwk]);
    await vi.waitFor(async () => expect(await refusal(door, old)).toBeInstanceOf(UnauthenticatedError), 10_000);
    expect(await asked(door, young)).toBe("acme");
    rmSync(folder, { recursive: true });
  });
});

describe("settings of tokens", () => {
  it("ask for issuer and audience, for one source of keys, and for safe signatures", () => {
    expect(() => open({ ROUTER_JWT_AUDIENCE: "" })).toThrow(ConfigError);
    expect(() => open({ ROUTER_JWT_ISSUER: "" })).toThrow(/ROUTER_JWT_ISSUER/);
    expect(() => open({ ROUTER_JWT_JWKS_FILE: "/x" })).toThrow(/not both/);
    expect(() => open({ ROUTER_JWT_JWKS_URL: "http://issuer.example/jwks" })).toThrow(/https/);
    for (const unsafe of ["HS256", "none", "RS256,HS512"]) {
      expect(() => open({ ROUTER_JWT_ALGORITHMS: unsafe })).toThrow(/ROUTER_JWT_ALGORITHMS/);
    }
  });
});
