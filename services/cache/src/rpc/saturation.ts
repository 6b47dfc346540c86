// How full the cache is, what that costs, and what would help.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type SaturationRequest, type SaturationResponse, SaturationResponseSchema } from "@chimera/contracts/cache";
import type { Context } from "../context.ts";
import { riskOf } from "../saturation/risk.ts";
import type { Signs } from "../saturation/signs.ts";

export function saturation(context: Pick<Context, "signs">) {
  // Whoever asks meanwhile gets the same: many of them must not each walk over all entries.
  let measuring: Promise<Signs> | undefined;
  return async (_request: SaturationRequest): Promise<SaturationResponse> => {
    measuring ??= context.signs().finally(() => {
      measuring = undefined;
    });
    return toMessage(await measuring);
  };
}

function toMessage(signs: Signs): SaturationResponse {
  const { level, text } = riskOf(signs);
  return create(SaturationResponseSchema, {
    at: timestampFromMs(signs.atMs),
    lookups: BigInt(signs.traffic.lookups),
    fill: signs.fill,
    ...(signs.evictionAgeMs !== undefined && { evictionAgeS: signs.evictionAgeMs / 1000 }),
    neverHitShare: signs.neverHitShare,
    ghostHitShare: signs.ghostHitShare,
    writeToHit: signs.writeToHit,
    tenants: signs.tenants.map(({ tenant, entries, bytes, quotaBytes }) => ({
      tenant,
      entries: BigInt(entries),
      bytes: BigInt(bytes),
      ...(quotaBytes !== undefined && { quotaBytes: BigInt(quotaBytes) }),
    })),
    sizes: signs.sizes.map(({ capacityBytes, hitRatio, n }) => ({
      capacityBytes: BigInt(capacityBytes),
      hitRatio,
      n: BigInt(n),
    })),
    risk: level,
    text,
  });
}
