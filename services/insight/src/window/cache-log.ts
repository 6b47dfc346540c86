// What the caches said about themselves: samples of counters that only grow until a cache starts again.
import { contains, type Window } from "./window.ts";

export interface CacheSample {
  replica: string;
  atMs: number;
  entries: number;
  bytes: number;
  capacityBytes: number;
  hits: number;
  misses: number;
  evictions: number;
  storeErrors: number;
}

/** What one replica said around a window. */
export interface CacheSpan {
  /** The last sample before the window: what the counters stood at when it began. */
  readonly before: CacheSample | undefined;
  /** At least one. */
  readonly samples: readonly CacheSample[];
}

/** Growth of the counters between two moments. */
export interface CacheGrowth {
  lookups: number;
  evictions: number;
  storeErrors: number;
  /** Change of the number of entries held. */
  entries: number;
}

/** Replicas followed at a time; the one that was silent longest makes room. */
const MAX_REPLICAS = 32;
/** Samples kept of one replica: more than an hour at one a second. */
const MAX_SAMPLES = 4096;

export class CacheLog {
  readonly #byReplica = new Map<string, CacheSample[]>();

  push(sample: CacheSample): void {
    const samples = this.#byReplica.get(sample.replica) ?? [];
    this.#byReplica.delete(sample.replica);
    this.#byReplica.set(sample.replica, samples);
    samples.push(sample);
    // Half is let go at once, so that the shift costs little per sample.
    if (samples.length > MAX_SAMPLES) samples.splice(0, MAX_SAMPLES / 2);
    if (this.#byReplica.size <= MAX_REPLICAS) return;
    const silent = this.#byReplica.keys().next();
    if (!silent.done) this.#byReplica.delete(silent.value);
  }

  /** One span per replica that said anything inside the window, samples in the order they came. */
  within(window: Window): readonly CacheSpan[] {
    const spans = [...this.#byReplica.values()].map((all) => ({
      before: all.findLast((sample) => sample.atMs < window.fromMs),
      samples: all.filter((sample) => contains(window, sample.atMs)),
    }));
    return spans.filter((span) => span.samples.length > 0);
  }
}

/** Growth from the first sample to the last. A counter that fell says that the cache started again: it counts from zero. */
export function growth(samples: readonly CacheSample[]): CacheGrowth {
  const total: CacheGrowth = { lookups: 0, evictions: 0, storeErrors: 0, entries: 0 };
  for (const [index, now] of samples.entries()) {
    const before = samples[index - 1];
    if (before === undefined) continue;
    const again = now.hits + now.misses < before.hits + before.misses || now.evictions < before.evictions;
    total.lookups += now.hits + now.misses - (again ? 0 : before.hits + before.misses);
    total.evictions += now.evictions - (again ? 0 : before.evictions);
    total.storeErrors += now.storeErrors - (again ? 0 : before.storeErrors);
    total.entries += now.entries - (again ? 0 : before.entries);
  }
  return total;
}
