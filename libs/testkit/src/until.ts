// Waits for a condition instead of for a time.
import { setTimeout } from "node:timers/promises";

const POLL_MS = 20;
/** Long past anything a working mesh needs, also on a busy machine; only a broken one meets it. */
const GIVE_UP_MS = 45_000;

/** Polls until `check` gives something other than undefined or false. Throws with `what` when that never happens. */
export async function until<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = AbortSignal.timeout(GIVE_UP_MS);
  let last: unknown;
  while (!deadline.aborted) {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    await setTimeout(POLL_MS);
  }
  throw new Error(`waited in vain for: ${what}`, { cause: last });
}
