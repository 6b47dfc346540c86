// Bucket boundaries of histograms, in seconds: those the conventions advise, and more of them where this mesh makes a promise.

/** Between 0.25 and 0.64 s the advised ones are too coarse to see a TTFT of 0.5 s become one of 0.35 s. */
const aroundTheGoal = [0.3, 0.35, 0.4, 0.45, 0.5, 0.6];
const duration = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const serverTtft = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

export const buckets = {
  /** A whole call to a model, at whichever side. */
  duration,
  /** TTFT as the caller of a model sees it. */
  clientTimeToFirst: merged(duration, aroundTheGoal),
  /** TTFT as the server of a model sees it. */
  serverTimeToFirst: merged(serverTtft, aroundTheGoal),
  /** Between two tokens or chunks; small models need the ones below 10 ms. */
  perToken: merged([0.001, 0.0025, 0.005], [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]),
  rpc: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  /** Waiting in a queue, mostly not at all. */
  queue: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
} as const;

function merged(...lists: readonly (readonly number[])[]): number[] {
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}
