// Ctrl-C, SIGTERM and SIGHUP: the first asks the command to end in order, a later one ends it at once.

/** npm and the terminal may both deliver one Ctrl-C; signals this close together count once. */
const SAME_REQUEST_MS = 1000;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Interrupts {
  /** Aborted by the first signal. */
  readonly stopped: AbortSignal;
}

export function watchInterrupts(nowMs: () => number, force: () => void): Interrupts {
  const controller = new AbortController();
  let firstAtMs: number | undefined;
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (firstAtMs === undefined) {
        firstAtMs = nowMs();
        controller.abort(new Error(`ended by ${name}`));
      } else if (nowMs() - firstAtMs > SAME_REQUEST_MS) force();
    });
  }
  return { stopped: controller.signal };
}
