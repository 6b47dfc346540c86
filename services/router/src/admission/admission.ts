// Who may enter the router, and whose turn it is. A request passes the gate on its headers alone, waits for its turn once its
// body is read, and leaves: a small state for each tenant, one waiting room for all.
import { assert, type Clock, type OverloadedError, type QuotaExceededError, type Random } from "@chimera/kernel";
import { ForgetfulMap } from "./forgetful-map.ts";
import { AdmittedPass, type Pass } from "./pass.ts";
import { Refusals } from "./refusals.ts";
import { Tenant } from "./tenant.ts";
import { type AdmissionLimits, limitsOf } from "./tenant-limits.ts";
import { type ModelSnapshot, WaitingRoom } from "./waiting-room.ts";

/** Tenants without a request whose buckets are remembered. */
const MAX_QUIET_TENANTS = 10_000;
/** Shown at most; there may be as many as requests. */
const MAX_SHOWN_TENANTS = 50;
/** How much the latest request says about how long the next will hold its place. */
const HOLD_WEIGHT = 0.05;
const MAX_WAIT_MS = 3_600_000;

export type { Pass, Served, TurnRequest } from "./pass.ts";
export { type AdmissionLimits, parseTenantLimits, type TenantLimits, type TenantTable } from "./tenant-limits.ts";
export type { RequestClass } from "./turn.ts";

export interface AdmissionOptions {
  clock: Clock;
  random: Random;
  limits: AdmissionLimits;
}

export interface TenantSnapshot {
  tenant: string;
  inFlight: number;
  queued: number;
  queuedTokens: number;
}

export interface AdmissionSnapshot {
  inFlight: number;
  queued: number;
  models: ModelSnapshot[];
  /** Those with requests, the ones with the most queued first; at most 50. */
  tenants: TenantSnapshot[];
}

export class Admission {
  readonly #clock: Clock;
  readonly #refusals: Refusals;
  readonly #tenants: ForgetfulMap<Tenant>;
  readonly #room: WaitingRoom;
  #limits: AdmissionLimits;
  #inFlight = 0;
  /** How long requests stay, on average; undefined before the first has left. */
  #holdMs: number | undefined;

  constructor({ clock, random, limits }: AdmissionOptions) {
    this.#clock = clock;
    this.#limits = checked(limits);
    this.#refusals = new Refusals(random);
    this.#room = new WaitingRoom({ clock, refusals: this.#refusals, limits: () => this.#limits });
    this.#tenants = new ForgetfulMap({
      make: (name) => new Tenant(name, limitsOf(this.#limits.tenants, name), clock),
      isIdle: (tenant) => tenant.isIdle,
      isBusy: (tenant) => tenant.isBusy,
      max: MAX_QUIET_TENANTS,
    });
  }

  /** Requests between gate() and leave(). */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Of those, the ones that wait for their turn. */
  get queued(): number {
    return this.#room.size;
  }

  /** Needs no more than the headers. Throws OverloadedError or QuotaExceededError; whoever gets a pass leaves with it. */
  gate(name: string): Pass {
    if (this.#inFlight >= this.#limits.maxInFlight) throw this.#full();
    const tenant = this.#tenants.get(name);
    const refusal = this.#overQuota(tenant);
    if (refusal) throw refusal;
    tenant.enter();
    this.#inFlight += 1;
    return new AdmittedPass({
      tenant,
      room: this.#room,
      refusals: this.#refusals,
      clock: this.#clock,
      onLeave: (heldMs) => this.#left(heldMs),
    });
  }

  /** A replica has room, or may have: of `model`, or any. Gives those that wait their turn, in fair order. */
  poke(model?: string): void {
    this.#room.poke(model);
  }

  /** What is over a new bound stays, and goes in its time. */
  setLimits(limits: AdmissionLimits): void {
    this.#limits = checked(limits);
    for (const tenant of this.#tenants.values()) tenant.apply(limitsOf(limits.tenants, tenant.name));
  }

  snapshot(): AdmissionSnapshot {
    const busy = [...this.#tenants.values()].filter(({ isBusy }) => isBusy);
    busy.sort((a, b) => b.queuedCost - a.queuedCost || b.inFlight - a.inFlight);
    return {
      inFlight: this.#inFlight,
      queued: this.queued,
      models: this.#room.models(),
      tenants: busy.slice(0, MAX_SHOWN_TENANTS).map(({ name, inFlight, queued, queuedCost }) => ({
        ...{ tenant: name, inFlight, queued, queuedTokens: queuedCost },
      })),
    };
  }

  #full(): OverloadedError {
    const message = `the router is working on ${this.#limits.maxInFlight} requests already`;
    return this.#refusals.overloaded(message, this.#nextLeaveMs(this.#inFlight));
  }

  #overQuota(tenant: Tenant): QuotaExceededError | undefined {
    const { requestsPerS, maxConcurrent } = tenant.limits;
    const inMs = tenant.requestWaitMs();
    if (inMs > 0) {
      const message = `tenant ${tenant.name} has used its ${requestsPerS} requests a second`;
      return this.#refusals.quotaExceeded({ tenant: tenant.name, quota: "requestsPerS", message, inMs });
    }
    if (maxConcurrent === undefined || tenant.inFlight < maxConcurrent) return undefined;
    return this.#refusals.quotaExceeded({
      tenant: tenant.name,
      quota: "maxConcurrent",
      message: `tenant ${tenant.name} has ${maxConcurrent} requests in flight, which is all it may have`,
      inMs: this.#nextLeaveMs(tenant.inFlight),
    });
  }

  /** Until one of so many requests leaves, if they came one after the other. */
  #nextLeaveMs(requests: number): number | undefined {
    return this.#holdMs === undefined ? undefined : this.#holdMs / Math.max(1, requests);
  }

  #left(heldMs: number): void {
    this.#inFlight -= 1;
    this.#holdMs = this.#holdMs === undefined ? heldMs : this.#holdMs + (heldMs - this.#holdMs) * HOLD_WEIGHT;
  }
}

function checked(limits: AdmissionLimits): AdmissionLimits {
  const { maxInFlight, maxQueued, maxWaitMs, batchWeight } = limits;
  assert(
    Number.isInteger(maxInFlight) && maxInFlight > 0,
    `maxInFlight must be a positive integer, got ${maxInFlight}`,
  );
  assert(Number.isInteger(maxQueued) && maxQueued >= 0, `maxQueued must be an integer of 0 or more, got ${maxQueued}`);
  assert(maxWaitMs >= 0 && maxWaitMs <= MAX_WAIT_MS, `maxWaitMs must be from 0 to ${MAX_WAIT_MS}, got ${maxWaitMs}`);
  assert(batchWeight > 0 && batchWeight <= 1, `batchWeight must be above 0, up to 1, got ${batchWeight}`);
  return limits;
}
