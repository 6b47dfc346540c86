// Time as a parameter, so that everything that measures or waits can be tested exactly. The only place that reads real clocks.

export interface Clock {
  /** Wall time, milliseconds since the epoch. */
  nowMs(): number;
  /** Milliseconds that never go back; only differences mean something. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
