// An admission with replicas that have a known number of places, for tests. Time stands still but for `vi.advanceTimersByTime`.
import { seededRandom, systemClock } from "@chimera/kernel";
import { Admission, type AdmissionLimits, type Pass, type Served, type TurnRequest } from "../admission.ts";
import { UNLIMITED } from "../tenant-limits.ts";

export const LIMITS: AdmissionLimits = {
  maxInFlight: 1000,
  maxQueued: 1000,
  maxWaitMs: 60_000,
  batchWeight: 1 / 16,
  tenants: { byDefault: UNLIMITED, overrides: new Map() },
};

/** Without a signal. */
export const REQUEST = { model: "m", requestClass: "interactive", costTokens: 100, deadlineAtMs: undefined } as const;

export function admissionWith(limits: Partial<AdmissionLimits> = {}): Admission {
  return new Admission({ clock: systemClock, random: seededRandom(1), limits: { ...LIMITS, ...limits } });
}

/** The replicas of one model: so many requests at a time, and who was served in which order. */
export class Replicas {
  places: number;
  /** Who takes next gets this instead. */
  error: Error | undefined;
  readonly served: string[] = [];
  #used = 0;

  constructor(places: number) {
    this.places = places;
  }

  get used(): number {
    return this.#used;
  }

  /** Undefined where all places are taken. Each place is given back once. */
  take(name: string): (() => void) | undefined {
    const { error } = this;
    this.error = undefined;
    if (error) throw error;
    if (this.#used >= this.places) return undefined;
    this.#used += 1;
    this.served.push(name);
    let isTaken = true;
    return () => {
      if (!isTaken) throw new Error(`${name} gave its place back twice`);
      isTaken = false;
      this.#used -= 1;
    };
  }
}

export interface Asked {
  pass: Pass;
  turn: Promise<Served<() => void>>;
  /** Of the caller. */
  leave: AbortController;
}

export interface Asking extends Partial<Omit<TurnRequest, "signal">> {
  tenant: string;
  /** What the replicas note of it; the tenant where it is not set. */
  name?: string;
}

/** Passes the gate and asks for a turn. Nobody has to look at a refusal. */
export function ask(admission: Admission, replicas: Replicas, asking: Asking): Asked {
  return askAgain(admission.gate(asking.tenant), replicas, asking);
}

export function askAgain(pass: Pass, replicas: Replicas, { tenant, name = tenant, ...request }: Asking): Asked {
  const leave = new AbortController();
  const turn = pass.turn({ ...REQUEST, ...request, signal: leave.signal }, () => replicas.take(name));
  turn.catch(() => undefined);
  return { pass, turn, leave };
}

/** What a promise has come to, or "pending". */
export async function outcomeOf<T>(promise: Promise<T>): Promise<T | Error | "pending"> {
  const settled = promise.catch((error: unknown) => error as Error);
  // Rejections pass through more microtasks than this promise does.
  await settle();
  return Promise.race([settled, Promise.resolve("pending" as const)]);
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}
