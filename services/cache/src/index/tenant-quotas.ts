// What a tenant may hold of a full cache, read from a setting.
import { parseJson, settingProblem } from "@chimera/lifecycle";
import { z } from "zod";

/** Exactly one of the two is set. */
export interface TenantQuota {
  /** Of the capacity, above 0 and at most 1; 1 is no quota. */
  share?: number | undefined;
  bytes?: number | undefined;
}

export interface TenantQuotas {
  byDefault: TenantQuota;
  overrides: ReadonlyMap<string, TenantQuota>;
}

const EVERYBODY = "*";
/** Nobody can push all others out. */
const DEFAULT_QUOTA: TenantQuota = { share: 0.5 };
export const NO_QUOTAS: TenantQuotas = { byDefault: { share: 1 }, overrides: new Map() };
/** Past this many tenants their quotas belong elsewhere than in a setting. */
const MAX_TENANTS = 10_000;
const TENANT = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

const quota = z
  .strictObject({ share: z.number().positive().max(1), bytes: z.number().int().positive() })
  .partial()
  .refine(({ share, bytes }) => (share === undefined) !== (bytes === undefined), "set either share or bytes");

const table = z
  .record(z.string(), quota)
  .refine((tenants) => Object.keys(tenants).length <= MAX_TENANTS, `more than ${MAX_TENANTS} tenants`);

const REMEDY = 'Write it like {"*":{"share":0.5},"acme":{"bytes":1000000}}; a share of 1 is no quota';

/** `{"*": {…}, "acme": {…}}`; "*" is half where it is not set. Throws an Error that names the field and the remedy. */
export function parseTenantQuotas(text: string): TenantQuotas {
  const { [EVERYBODY]: byDefault = DEFAULT_QUOTA, ...named } = parseJson(text, { schema: table, remedy: REMEDY });
  for (const tenant of Object.keys(named)) {
    if (!TENANT.test(tenant))
      throw settingProblem(tenant, `is no name of a tenant: it must match ${TENANT.source}`, REMEDY);
  }
  return { byDefault, overrides: new Map(Object.entries(named)) };
}

/** The share of the capacity; a quota in bytes is one as well. */
export function shareOf({ byDefault, overrides }: TenantQuotas, tenant: string, capacityBytes: number): number {
  const { share, bytes } = overrides.get(tenant) ?? byDefault;
  return Math.min(1, share ?? (bytes ?? capacityBytes) / capacityBytes);
}
