// What a cache does beside its requests: pruning, invalidation by others, reviews. Put together here, begun and ended by service.ts.
import type { Consumption, EventBus, ReceivedEvent } from "@chimera/events";
import type { Clock } from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import type { Answers } from "./answers.ts";
import type { EntryIndex } from "./index/entry-index.ts";
import { Invalidator } from "./invalidate.ts";
import { Pruner } from "./pruning/pruner.ts";
import type { PolicyShadow } from "./review/findings.ts";
import { Reviewer } from "./review/reviewer.ts";
import { measureSigns, type Signs, type SizeForecast } from "./saturation/signs.ts";
import type { SemanticMatch } from "./semantic/semantic-match.ts";
import type { ByteStore } from "./store/store.ts";

/** As long as the stream keeps events. What was invalidated before that, while no cache was up to hear it, is not known any more. */
const HISTORY_MS = 24 * 3_600_000;
/** How long a start waits for the invalidations that were missed; requests come first where NATS is away. */
const HEAR_MS = 1000;
const EXPIRE_UNDO_MS = 60_000;

export interface MaintenanceOptions {
  answers: Answers;
  index: EntryIndex;
  store: ByteStore;
  clock: Clock;
  bus: Pick<EventBus, "publish" | "follow" | "replay">;
  replica: string;
  /** 0 is never. */
  reviewMs: number;
  shadows: { sizes(): readonly SizeForecast[]; policies(): readonly PolicyShadow[] };
  semantic?: Pick<SemanticMatch, "statistics"> | undefined;
  logger: Pick<Logger, "warn">;
}

export class Maintenance {
  readonly pruner: Pruner;
  readonly invalidator: Invalidator;
  readonly reviewer: Reviewer;
  readonly #options: MaintenanceOptions;
  readonly #stops: (() => void | Promise<void>)[] = [];

  constructor(options: MaintenanceOptions) {
    const { answers, index, store, clock, bus, replica, shadows, semantic } = options;
    this.#options = options;
    this.pruner = new Pruner({ answers, index, marks: store, clock });
    this.invalidator = new Invalidator({ answers, index, clock, bus, replica, isStoreShared: store.isShared });
    const signs = () => this.signs();
    this.reviewer = new Reviewer({
      bus,
      replica,
      get ttlSeconds() {
        return answers.ttlMs / 1000;
      },
      signs,
      shadows: () => shadows.policies(),
      pruner: this.pruner,
      semantic,
    });
  }

  /** Walks over all entries, in slices. */
  signs(): Promise<Signs> {
    const { answers, index, clock, shadows } = this.#options;
    return measureSigns({ answers, index, clock, sizes: () => shadows.sizes() });
  }

  /** To be awaited before the first answer of an earlier process is served. Never rejects. */
  async hearMissed(): Promise<void> {
    const { bus, clock, logger } = this.#options;
    const late = AbortSignal.timeout(HEAR_MS);
    const gaveUp = new Promise<never>((_, reject) => {
      late.addEventListener("abort", () => reject(late.reason), { once: true });
    });
    const handle = (received: ReceivedEvent) => void this.#heard(received);
    const sinceMs = clock.nowMs() - HISTORY_MS;
    try {
      await Promise.race([bus.replay({ kind: "cacheInvalidated", sinceMs, handle, signal: late }), gaveUp]);
    } catch (error) {
      logger.warn({ err: error }, "invalidations of the past could not be read in time, and are applied as they are");
    }
  }

  /** From then on it hears what other caches are told. What is read twice has the same id. */
  async start(): Promise<void> {
    const { bus, clock, reviewMs, logger } = this.#options;
    const warn = (error: unknown) => logger.warn({ err: error }, "maintenance failed, trying again later");
    const following: Consumption = await bus.follow({
      kinds: ["cacheInvalidated"],
      sinceMs: clock.nowMs() - HISTORY_MS,
      handle: (received) => this.#heard(received),
    });
    this.#stops.push(() => following.stop());
    const expiring = setInterval(() => void this.pruner.expire().catch(warn), EXPIRE_UNDO_MS);
    expiring.unref();
    this.#stops.push(() => clearInterval(expiring));
    if (reviewMs > 0) this.#stops.push(this.reviewer.every(reviewMs, warn));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#stops.splice(0).map((stop) => stop()));
  }

  async #heard({ event, id }: ReceivedEvent): Promise<void> {
    if (event.kind === "cacheInvalidated") await this.invalidator.heard(event.message, id);
  }
}
