// The cache as insight sees it: calls with a deadline, errors as ours.
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  type CacheService,
  type SaturationResponse,
  type StatsResponse,
  WarmPhase,
  type WarmResponse,
  type WarmUp,
} from "@chimera/contracts/cache";
import { FailedPreconditionError } from "@chimera/kernel";
import { fromConnectError, ownedStream, type RpcClient } from "@chimera/rpc";

export interface WarmOrder {
  readonly windowMs: number;
  readonly maxAnswers: number;
  readonly tokenBudget: number;
  readonly controlShare: number;
  readonly measureForMs?: number;
}

export interface CachePort {
  stats(): Promise<StatsResponse>;
  saturation(): Promise<SaturationResponse>;
  /** What a prune of answers that were never served would free, and lose. */
  prunable(): Promise<{ bytes: number; lossPp: number }>;
  /** What a warm-up would do. */
  dryRun(order: WarmOrder): Promise<WarmResponse>;
  /** Resolves when it is done. Throws FailedPreconditionError where it ends before. */
  warm(order: WarmOrder, signal: AbortSignal): Promise<WarmResponse>;
  warmUps(): Promise<readonly WarmUp[]>;
}

/** A cache that takes longer to describe itself is not asked. */
const CALL_MS = 5000;
/** A day of the log is read for a dry run. */
const DRY_RUN_MS = 20_000;
const WARM_MS = 60 * 60_000;

export function cachePort({ client }: RpcClient<typeof CacheService>): CachePort {
  const call = { timeoutMs: CALL_MS };
  const lastOf = async (
    order: WarmOrder & { dryRun?: boolean },
    owned: { signal?: AbortSignal; timeoutMs: number },
  ) => {
    let last: WarmResponse | undefined;
    const open = (signal: AbortSignal) => client.warm(requestOf(order), { signal });
    for await (const state of ownedStream(open, owned)) last = state;
    if (last === undefined) throw new FailedPreconditionError("the cache said nothing of its warm-up");
    return last;
  };
  return {
    stats: () => ours(client.stats({}, call)),
    saturation: () => ours(client.saturation({}, call)),
    async prunable() {
      const { bytes, forecastLossPp } = await ours(client.prune({ neverHit: true, dryRun: true }, call));
      return { bytes: Number(bytes), lossPp: forecastLossPp };
    },
    dryRun: (order) => ours(lastOf({ ...order, dryRun: true }, { timeoutMs: DRY_RUN_MS })),
    async warm(order, signal) {
      const last = await ours(lastOf(order, { signal, timeoutMs: WARM_MS }));
      if (last.phase === WarmPhase.DONE) return last;
      throw new FailedPreconditionError(`the warm-up ended before it was done: ${last.text}`);
    },
    warmUps: async () => (await ours(client.listWarmUps({}, call))).warmUps,
  };
}

function requestOf(order: WarmOrder & { dryRun?: boolean }) {
  const { windowMs, maxAnswers, tokenBudget, controlShare, measureForMs, dryRun = false } = order;
  return {
    window: durationFromMs(Math.round(windowMs)),
    tokenBudget: BigInt(tokenBudget),
    ...{ maxAnswers, controlShare, dryRun },
    ...(measureForMs !== undefined && { measureFor: durationFromMs(Math.round(measureForMs)) }),
  };
}

async function ours<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw fromConnectError(error);
  }
}
