// How far a warm-up is, for whoever watches: changes are merged, a new phase is told at once.
import { setTimeout as sleep } from "node:timers/promises";
import { clone, create, type MessageInitShape } from "@bufbuild/protobuf";
import { type WarmResponse, WarmResponseSchema } from "@chimera/contracts/cache";
import { type Clock, Deferred } from "@chimera/kernel";

const MIN_INTERVAL_MS = 200;

type Fields = Exclude<MessageInitShape<typeof WarmResponseSchema>, WarmResponse>;

/** Names of the counts that only grow. */
export type Count = "control" | "resident" | "restored" | "generated" | "failed" | "withoutText" | "prefixesWarmed";

export class Progress {
  readonly state: WarmResponse;
  #change = new Deferred<void>();
  /** A new phase, or the end. */
  #news = new Deferred<void>();
  #isEnded = false;

  constructor(runId: string) {
    this.state = create(WarmResponseSchema, { runId });
  }

  set(fields: Fields): void {
    const isNews = fields.phase !== undefined && fields.phase !== this.state.phase;
    Object.assign(this.state, fields);
    this.#change.resolve();
    if (isNews) this.#news.resolve();
  }

  add(count: Count, by = 1): void {
    this.state[count] += by;
    this.#change.resolve();
  }

  end(): void {
    this.#isEnded = true;
    this.#change.resolve();
    this.#news.resolve();
  }

  /** Copies of the state, at most five a second and one more at each new phase; the last state comes last. One reader. */
  async *snapshots(clock: Pick<Clock, "monotonicMs">): AsyncGenerator<WarmResponse, void, undefined> {
    let nextAtMs = Number.NEGATIVE_INFINITY;
    while (!this.#isEnded) {
      await this.#change.promise;
      const waitMs = nextAtMs - clock.monotonicMs();
      if (waitMs > 0) await Promise.race([this.#news.promise, sleep(waitMs, undefined, { ref: false })]);
      if (this.#isEnded) break;
      this.#change = new Deferred();
      this.#news = new Deferred();
      nextAtMs = clock.monotonicMs() + MIN_INTERVAL_MS;
      yield clone(WarmResponseSchema, this.state);
    }
    yield clone(WarmResponseSchema, this.state);
  }
}
