// The load of an engine as it changes, at a pace that neither a wire nor a reader minds.
import type { Engine, EngineLoad } from "./engine/engine.ts";

/** At most five a second: the load of a moment is not worth more. */
export const MIN_INTERVAL_MS = 200;

export interface LoadUpdateOptions {
  signal: AbortSignal;
  /** After how long an unchanged load is told again. Never where unset. */
  repeatMs?(load: EngineLoad): number;
}

/** The load now, then after changes. Ends with the signal. */
export async function* loadUpdates(engine: Engine, options: LoadUpdateOptions): AsyncGenerator<EngineLoad, void> {
  const { signal, repeatMs } = options;
  const bell = new Bell();
  const unsubscribe = engine.onLoadChange(() => bell.ring());
  const end = () => bell.ring();
  signal.addEventListener("abort", end, { once: true });
  try {
    while (!signal.aborted) {
      bell.reset();
      const load = engine.load();
      yield load;
      const quietSinceMs = await pause(MIN_INTERVAL_MS, signal);
      const repeatAfterMs = repeatMs === undefined ? undefined : repeatMs(load) - quietSinceMs;
      if (!signal.aborted) await bell.rung(repeatAfterMs);
    }
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", end);
  }
}

/** Remembers that it rang, so that a change during the pause is not missed. */
class Bell {
  #isRung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  reset(): void {
    this.#isRung = false;
  }

  /** Resolves at once where it rang already, else when it rings or after `ms`. */
  async rung(ms: number | undefined): Promise<void> {
    if (this.#isRung || (ms !== undefined && ms <= 0)) return;
    await new Promise<void>((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

/** Returns `ms`; ends early with the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<number> {
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
  return ms;
}
