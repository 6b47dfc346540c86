// What each tenant may use: types, defaults, and reading them from a setting.
import { parseJson, settingProblem } from "@chimera/lifecycle";
import { z } from "zod";
import { TENANT } from "../tenant/tenant.ts";

export interface TenantLimits {
  /** Share of the mesh against other tenants, while there is less than all want. */
  weight: number;
  requestsPerS?: number | undefined;
  /** One second's worth where it is not set. */
  requestBurst?: number | undefined;
  /** Prompt and answer together. */
  tokensPerS?: number | undefined;
  /** Ten seconds' worth where it is not set: one answer is often more than one second's. */
  tokenBurst?: number | undefined;
  /** Requests at a time, waiting ones included. */
  maxConcurrent?: number | undefined;
}

export interface TenantTable {
  byDefault: TenantLimits;
  overrides: ReadonlyMap<string, TenantLimits>;
}

export interface AdmissionLimits {
  /** Requests of all tenants between gate() and leave(). */
  maxInFlight: number;
  /** Of those, the ones that wait for their turn. */
  maxQueued: number;
  maxWaitMs: number;
  /** What batch requests get of the mesh against interactive ones, while both wait: 1/16 is one token of seventeen. */
  batchWeight: number;
  tenants: TenantTable;
}

export const UNLIMITED: TenantLimits = { weight: 1 };

export function limitsOf({ overrides, byDefault }: TenantTable, tenant: string): TenantLimits {
  return overrides.get(tenant) ?? byDefault;
}

/** Past this many tenants their limits belong elsewhere than in a setting. */
const MAX_TENANTS = 10_000;
const EVERYBODY = "*";

const rate = z.number().positive().max(1e9).nullable();
const count = z.number().int().min(1).max(1e9).nullable();

const fields = z
  .strictObject({
    weight: z.number().min(0.001).max(1000),
    requestsPerS: rate,
    requestBurst: count,
    tokensPerS: rate,
    tokenBurst: count,
    maxConcurrent: count,
  })
  .partial();

type Fields = z.output<typeof fields>;

const table = z
  .record(z.string(), fields)
  .refine((tenants) => Object.keys(tenants).length <= MAX_TENANTS, `more than ${MAX_TENANTS} tenants`);

const REMEDY = `Write it like {"*":{"requestsPerS":50},"acme":{"weight":4,"maxConcurrent":64}}; fields: ${Object.keys(fields.shape).join(", ")}`;

/**
 * `{"*": {…}, "acme": {…}}`. What a tenant does not set it has from "*"; null lifts a limit of "*". Throws an Error that names the
 * field and the remedy.
 */
export function parseTenantLimits(text: string): TenantTable {
  const { [EVERYBODY]: everybody = {}, ...named } = parseJson(text, { schema: table, remedy: REMEDY });
  const byDefault = limits(EVERYBODY, everybody);
  const overrides = new Map<string, TenantLimits>();
  for (const [tenant, own] of Object.entries(named)) {
    if (!TENANT.test(tenant)) throw problem(tenant, `is no name of a tenant: it must match ${TENANT.source}`);
    overrides.set(tenant, limits(tenant, { ...everybody, ...own }));
  }
  return { byDefault, overrides };
}

function limits(tenant: string, { weight = UNLIMITED.weight, ...given }: Fields): TenantLimits {
  const set = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
  const made: TenantLimits = { weight, ...Object.fromEntries(set) };
  for (const [burst, perS] of [
    ["requestBurst", "requestsPerS"],
    ["tokenBurst", "tokensPerS"],
  ] as const) {
    if (made[burst] !== undefined && made[perS] === undefined) {
      throw problem(`${tenant}.${burst}`, `says nothing without ${perS}: set both, or set ${burst} to null`);
    }
  }
  return made;
}

function problem(path: string, what: string): Error {
  return settingProblem(path, what, REMEDY);
}
