import { type ChimeraError, type Random, seededRandom, UnavailableError } from "@chimera/kernel";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Admission } from "./admission.ts";
import { type Asked, admissionWith, ask, askAgain, LIMITS, Replicas, settle } from "./testing/mesh.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const STEPS = 2000;
const MODELS = ["small", "large"];
const TENANTS = ["a", "b", "c", "d"];
const EXPECTED = new Set(["overloaded", "quota-exceeded", "cancelled", "deadline-exceeded", "unavailable"]);
const BOUNDS = { maxInFlight: 15, maxQueued: 10, maxConcurrent: 6 };

/** Requests that come, wait, are served, fail, leave and run out of time in an order that the seed says. */
class Schedule {
  readonly admission: Admission;
  readonly #random: Random;
  readonly #replicas = new Map(MODELS.map((model, i) => [model, new Replicas(3 + i)]));
  /** What became of each turn, one entry for each time it settled. */
  readonly #settled = new Map<Asked, string[]>();
  readonly #open = new Set<Asked>();
  readonly #places = new Map<Asked, () => void>();
  refusedAtGate = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    const byDefault = { weight: 1, requestsPerS: 40, tokensPerS: 300, maxConcurrent: BOUNDS.maxConcurrent };
    const tenants = { byDefault, overrides: new Map([["a", { weight: 3 }]]) };
    const { maxInFlight, maxQueued } = BOUNDS;
    this.admission = admissionWith({ ...LIMITS, maxInFlight, maxQueued, maxWaitMs: 3000, tenants });
  }

  step(): void {
    const chance = this.#random();
    if (chance < 0.5) this.#arrive();
    else if (chance < 0.75) this.#finish(this.#oneOf([...this.#places.keys()]));
    else if (chance < 0.83) this.#oneOf([...this.#open])?.leave.abort();
    else if (chance < 0.87) this.#leave(this.#oneOf([...this.#open]));
    else if (chance < 0.89) this.#askAgain(this.#oneOf([...this.#places.keys()]));
    else if (chance < 0.9) this.#fail(this.#oneOf([...this.#replicas.values()]));
    else vi.advanceTimersByTime(Math.floor(this.#random() * 200));
  }

  check(): void {
    const { inFlight, queued, tenants } = this.admission.snapshot();
    expect(inFlight).toBe(this.#open.size);
    expect(inFlight).toBeLessThanOrEqual(BOUNDS.maxInFlight);
    expect(queued).toBeLessThanOrEqual(BOUNDS.maxQueued);
    expect(queued).toBe([...this.#settled.values()].filter((outcomes) => outcomes.length === 0).length);
    expect(tenants.reduce((sum, tenant) => sum + tenant.queued, 0)).toBe(queued);
    for (const { tenant, inFlight } of tenants) {
      if (tenant !== "a") expect(inFlight).toBeLessThanOrEqual(BOUNDS.maxConcurrent);
    }
    for (const { model, interactive, batch } of this.admission.snapshot().models) {
      const replicas = this.#replicas.get(model);
      if (replicas && interactive + batch > 0) expect(replicas.used).toBe(replicas.places);
    }
    expect([...this.#replicas.values()].reduce((sum, { used }) => sum + used, 0)).toBe(this.#places.size);
  }

  async drain(): Promise<Map<string, number>> {
    for (let round = 0; this.#open.size > 0 && round < 1000; round++) {
      for (const asked of [...this.#places.keys()]) this.#finish(asked);
      await settle();
      for (const asked of [...this.#open]) if (this.#settled.get(asked)?.length) this.#leave(asked);
    }
    const counts = new Map<string, number>();
    for (const outcomes of this.#settled.values()) {
      expect(outcomes).toHaveLength(1);
      const [outcome = ""] = outcomes;
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
    return counts;
  }

  #arrive(): void {
    const model = this.#oneOf(MODELS) ?? "";
    const replicas = this.#replicas.get(model);
    if (!replicas) return;
    // The first tenant sends half of everything.
    const tenant = this.#random() < 0.5 ? "a" : (this.#oneOf(TENANTS) ?? "");
    const requestClass = this.#random() < 0.3 ? "batch" : "interactive";
    const deadlineAtMs = this.#random() < 0.3 ? performance.now() + this.#random() * 2000 : undefined;
    try {
      const costTokens = Math.floor(this.#random() * 400);
      this.#follow(ask(this.admission, replicas, { model, tenant, requestClass, costTokens, deadlineAtMs }));
    } catch (error) {
      expect(EXPECTED).toContain((error as ChimeraError).kind);
      this.refusedAtGate += 1;
    }
  }

  #follow(asked: Asked): void {
    const outcomes: string[] = [];
    this.#settled.set(asked, outcomes);
    this.#open.add(asked);
    asked.turn.then(
      ({ value }) => {
        outcomes.push("served");
        // Who has left meanwhile gives its place back at once.
        if (this.#open.has(asked)) this.#places.set(asked, value);
        else value();
      },
      (error: unknown) => {
        expect(EXPECTED).toContain((error as ChimeraError).kind);
        outcomes.push((error as ChimeraError).kind);
        this.#leave(asked);
      },
    );
  }

  /** The replica did not take the request it had room for. */
  #askAgain(asked: Asked | undefined): void {
    const place = asked && this.#places.get(asked);
    if (!place) return;
    this.#places.delete(asked);
    this.#open.delete(asked);
    place();
    const replicas = this.#oneOf([...this.#replicas.values()]);
    const model = [...this.#replicas].find(([, each]) => each === replicas)?.[0];
    if (!replicas || !model) return;
    this.#follow(askAgain(asked.pass, replicas, { tenant: "again", model }));
    this.admission.poke();
  }

  /** Whoever is offered room there next hears this instead. */
  #fail(replicas: Replicas | undefined): void {
    if (!replicas) return;
    replicas.error = new UnavailableError("no replica is known any more");
    this.admission.poke();
  }

  #finish(asked: Asked | undefined): void {
    if (!asked) return;
    if (this.#random() < 0.8) asked.pass.settle(Math.floor(this.#random() * 400));
    this.#leave(asked);
  }

  #leave(asked: Asked | undefined): void {
    if (!asked) return;
    const place = this.#places.get(asked);
    this.#places.delete(asked);
    this.#open.delete(asked);
    place?.();
    asked.pass.leave();
    if (this.#random() < 0.2) asked.pass.leave();
    this.admission.poke();
  }

  #oneOf<T>(values: readonly T[]): T | undefined {
    return values[Math.floor(this.#random() * values.length)];
  }
}

describe("whatever comes in whatever order", () => {
  it.each([1, 2, 3, 4, 5])(
    "bounds hold, nothing is lost or told twice, and all is given back (seed %i)",
    async (seed) => {
      const schedule = new Schedule(seed);
      for (let step = 0; step < STEPS; step++) {
        schedule.step();
        await settle();
        schedule.check();
      }
      const counts = await schedule.drain();
      for (const outcome of ["served", ...EXPECTED]) expect(counts.get(outcome)).toBeGreaterThan(0);
      expect(schedule.refusedAtGate).toBeGreaterThan(0);
      const { inFlight, queued, tenants, models } = schedule.admission.snapshot();
      expect({ inFlight, queued, tenants }).toEqual({ inFlight: 0, queued: 0, tenants: [] });
      for (const model of models) expect(model).toMatchObject({ interactive: 0, batch: 0, queuedTokens: 0 });
      expect(vi.getTimerCount()).toBe(0);
    },
  );
});
