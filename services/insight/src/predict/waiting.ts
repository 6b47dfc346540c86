// Waiting for a slot, simulated: first come, first served, with the service times that were measured. For quantiles there is no
// formula; for the mean there is one, which the simulation is held against.

export interface Job {
  readonly arrivedMs: number;
  /** At speed 1, from getting the slot to the first token and to the end. */
  readonly firstTokenMs: number;
  readonly serviceMs: number;
}

export interface Served {
  readonly waitMs: number;
  readonly ttftMs: number;
}

export interface Engine {
  readonly slots: number;
  /** Of each of n that run together, against one that runs alone. */
  speedAt(running: number): number;
}

/**
 * Jobs by arrival. Time is kept in work done per running job, so that all of them slow down together: a job that began at work w
 * ends at w + its service time, however many joined meanwhile.
 */
export function serve(jobs: readonly Job[], engine: Engine): Served[] {
  const served: { waitMs: number; ttftMs: number }[] = jobs.map(() => ({ waitMs: Number.NaN, ttftMs: Number.NaN }));
  /** At most `slots`. */
  const running: { index: number; firstAt: number; endAt: number; hasFirst: boolean }[] = [];
  let [nowMs, work, next, started] = [0, 0, 0, 0];
  const advance = (toMs: number, speed: number) => {
    if (running.length > 0) work += (toMs - nowMs) * speed;
    nowMs = toMs;
  };
  while (started < jobs.length || running.length > 0) {
    const speed = engine.speedAt(Math.max(1, running.length));
    const dueWork = Math.min(...running.map(({ firstAt, endAt, hasFirst }) => (hasFirst ? endAt : firstAt)));
    const dueMs = running.length === 0 ? Number.POSITIVE_INFINITY : nowMs + Math.max(0, dueWork - work) / speed;
    const arrivalMs = jobs[next]?.arrivedMs ?? Number.POSITIVE_INFINITY;
    if (arrivalMs <= dueMs) {
      advance(Math.max(nowMs, arrivalMs), speed);
      next += 1;
    } else {
      advance(dueMs, speed);
      work = dueWork;
      for (const each of [...running]) {
        if (!each.hasFirst && each.firstAt <= work) {
          each.hasFirst = true;
          const [job, result] = [jobs[each.index], served[each.index]];
          if (job !== undefined && result !== undefined) result.ttftMs = nowMs - job.arrivedMs;
        }
        if (each.hasFirst && each.endAt <= work) running.splice(running.indexOf(each), 1);
      }
    }
    while (running.length < engine.slots && started < next) {
      const [job, result] = [jobs[started], served[started]];
      if (job === undefined || result === undefined) break;
      result.waitMs = nowMs - job.arrivedMs;
      const firstAt = work + job.firstTokenMs;
      running.push({ index: started, firstAt, endAt: Math.max(firstAt, work + job.serviceMs), hasFirst: false });
      started += 1;
    }
  }
  return served;
}

/**
 * Mean wait of M/G/c by Allen and Cunneen: ErlangC(c, A) · m / (c - A) · (1 + cv²) / 2, with mean service time m, offered load
 * A = arrivals per second · m and the coefficient of variation cv of the service time. Infinite from A = c on.
 */
export function allenCunneenWaitMs(of: { slots: number; perS: number; meanMs: number; cv: number }): number {
  const { slots, perS, meanMs, cv } = of;
  const load = (perS * meanMs) / 1000;
  if (load >= slots) return Number.POSITIVE_INFINITY;
  return ((erlangC(slots, load) * meanMs) / (slots - load)) * ((1 + cv * cv) / 2);
}

/** Probability of having to wait (Erlang 1917), from the recursion of Erlang B. */
function erlangC(slots: number, load: number): number {
  let blocked = 1;
  for (let n = 1; n <= slots; n++) blocked = (load * blocked) / (n + load * blocked);
  return blocked / (1 - (load / slots) * (1 - blocked));
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
