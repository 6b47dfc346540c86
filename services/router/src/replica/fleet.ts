// The replicas of one model: who takes the next request, who is left out for a while, and why.
import type { SamplingParams } from "@chimera/contracts/common";
import { type Clock, type Random, UnavailableError } from "@chimera/kernel";
import { uncachedTokens } from "../balance/expected-wait.ts";
import { explainCandidate, type RouteExplanation } from "../balance/explanation.ts";
import { createPolicy, type PolicyName } from "../balance/policies.ts";
import type { BalanceRequest, Choice, Field, Policy } from "../balance/policy.ts";
import { PrefixIndex } from "../balance/prefix-index.ts";
import { median, outlierReason } from "./outlier.ts";
import type { Replica } from "./replica.ts";
import { Dispatch, type Judgement, type Reservation } from "./reservation.ts";

export interface ServedModel {
  id: string;
  version: string;
  defaultSampling: SamplingParams | undefined;
  contextTokens: number;
  /** Of all its replicas that answer. */
  slots: number;
}

export interface RouteRequest extends BalanceRequest {
  model: string;
  /** Replicas that had it already. */
  exclude?: ReadonlySet<Replica>;
  /** Only replicas with these weights, as for going on with an answer. */
  modelVersion?: string;
}

export interface FleetOptions {
  model: string;
  policy: PolicyName;
  random: Random;
  clock: Clock;
  /** Some replica may have room again, or none will have. */
  onRoom(model: string): void;
  /** A replica was left out, or taken in again. */
  onChange(replica: Replica): void;
  /** It lost a request; somebody must ask whether it is still there. */
  onDoubt(replica: Replica): void;
}

interface Explained {
  request: RouteRequest;
  field: Field<Replica>;
  uncached: number;
  predictedTtftMs: number | undefined;
}

/**
 * Requests that may wait at a replica which holds the beginning of their prompts, in shares of its slots. When all are full, a slot
 * gets free somewhere, and rarely where the next request was before: sent there, it would be computed again and push out what
 * others need, so that all get slower still. A few in its queue keep each replica at what it has.
 */
const HELD_QUEUE_SHARE = 0.5;
/** At most this share of the replicas is left out for failing. */
const MAX_EJECTED_SHARE = 0.5;
/** Replicas named in an error. */
const MAX_NAMED = 8;

export class Fleet {
  readonly #options: FleetOptions;
  #policy: Policy;
  #policyName: PolicyName;
  readonly #prefixes = new PrefixIndex<Replica>();
  /** Bounded by the pool. */
  readonly #members: Replica[] = [];

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#policyName = options.policy;
    this.#policy = createPolicy(options.policy, options.random);
  }

  /** From the next request on; what the old one remembered is lost. */
  setPolicy(name: PolicyName): void {
    if (name === this.#policyName) return;
    this.#policyName = name;
    this.#policy = createPolicy(name, this.#options.random);
  }

  get model(): string {
    return this.#options.model;
  }

  get members(): readonly Replica[] {
    return this.#members;
  }

  /** What the first of them says. */
  get served(): ServedModel {
    const { modelVersion = "", defaultSampling, contextTokens = 0 } = this.#members[0]?.description ?? {};
    let slots = 0;
    for (const replica of this.#members) if (replica.isPresent) slots += replica.slots;
    return { id: this.#options.model, version: modelVersion, defaultSampling, contextTokens, slots };
  }

  add(replica: Replica): void {
    this.#members.push(replica);
    this.signalRoom();
  }

  remove(replica: Replica): void {
    this.#members.splice(this.#members.indexOf(replica), 1);
    this.#prefixes.forget(replica);
    this.keepOne();
  }

  /** It had computed things for prompts, and has not any more. */
  forgetPrefixesOf(replica: Replica): void {
    this.#prefixes.forget(replica);
  }

  prefixKeysOf(replica: Replica): number {
    return this.#prefixes.countOf(replica);
  }

  /** See ReplicaPool.reserve(). */
  reserve(request: RouteRequest, { urgent = false }: { urgent?: boolean } = {}): Reservation | undefined {
    const field = this.#fieldOf(request, urgent);
    const choice = this.#policy.choose(request, field);
    if (choice) return this.#send(request, field, choice);
    // Whoever is being asked, or has its trial, may take one in a moment.
    if (this.#members.some((replica) => isFor(replica, request) && replica.whyOut === undefined)) return undefined;
    throw new UnavailableError(this.#whyNone(request));
  }

  /** Tells who waits. */
  signalRoom(): void {
    this.#options.onRoom(this.#options.model);
  }

  /** A replica that was away answers again. */
  cameBack(replica: Replica): void {
    // It may have died of a request, and die of the next: one at a time until one went well, where others can take the rest.
    if (this.#othersIn(replica) > 0) replica.breaker.tryNow("it was away until a moment ago");
    else replica.breaker.close();
    replica.pace.forget();
    this.signalRoom();
  }

  /** Somebody must be left to send to: where nobody is, one that was left out for failing gets its chance now. */
  keepOne(): void {
    const present = this.#members.filter((replica) => replica.isPresent && !replica.isDoubted);
    if (present.length === 0 || present.some(({ breaker }) => breaker.state !== "open")) return;
    for (const { breaker } of present) breaker.tryNow();
    this.signalRoom();
  }

  /** Once a second. */
  settle(): void {
    this.#guessPaces();
    for (const { pace } of this.#members) pace.relax();
    this.#ejectOutliers();
  }

  #fieldOf(request: RouteRequest, urgent: boolean): Field<Replica> {
    const isOpen = (replica: Replica, extra: number) =>
      replica.isIn && (urgent || replica.hasRoomFor(extra)) && isFor(replica, request);
    return {
      candidates: this.#members,
      prefixes: this.#prefixes,
      isOpen: (replica) => isOpen(replica, 0),
      isOpenToHeld: (replica) => isOpen(replica, Math.ceil(replica.slots * HELD_QUEUE_SHARE)),
    };
  }

  #send(request: RouteRequest, field: Field<Replica>, choice: Choice<Replica>): Reservation {
    const { candidate: replica } = choice;
    const uncached = uncachedTokens(replica, request, field);
    const reservation = new Dispatch({
      replica,
      clock: this.#options.clock,
      promptTokens: request.promptTokens,
      uncachedTokens: uncached,
      explain: (predictedTtftMs) => this.#explain(choice, { request, field, uncached, predictedTtftMs }),
      onFirstToken: this.#firstToken,
      onEnd: this.#ended,
    });
    // Counted before it is computed, so that what comes meanwhile with the same beginning goes there too.
    this.#prefixes.add(replica, request.prefixKeys, replica.keptTokens);
    return reservation;
  }

  #explain(choice: Choice<Replica>, { request, field, uncached, predictedTtftMs }: Explained): RouteExplanation {
    const explained = (replica: Replica) => {
      // By now it counts as the one that holds all of the prompt, which it was not chosen for.
      const isChosen = replica === choice.candidate;
      const missing = isChosen ? uncached : uncachedTokens(replica, request, field);
      return explainCandidate({
        name: replica.name,
        outstanding: replica.outstanding,
        limit: replica.limit.value,
        expectedTtftMs: isChosen ? predictedTtftMs : replica.predictedTtftMs(missing),
        heldTokens: request.promptTokens - missing,
      });
    };
    const { candidate, why, considered } = choice;
    return { policy: this.#policyName, chosen: candidate.name, why, candidates: considered.map(explained) };
  }

  readonly #firstToken = (replica: Replica, { isTrial, raisedLimit }: { isTrial: boolean; raisedLimit: boolean }) => {
    // Otherwise the first one that is measured would seem faster, or slower, than all that are not.
    if (replica.pace.samples === 1) this.#guessPaces();
    if (isTrial) this.#wasWell(replica, isTrial);
    if (isTrial || raisedLimit) this.signalRoom();
  };

  readonly #ended = (replica: Replica, { verdict, cause, isTrial }: Judgement) => {
    if (verdict === "well") this.#wasWell(replica, isTrial);
    else if (verdict === "failed" || verdict === "lost") this.#failed(replica, { verdict, cause, isTrial });
    else if (isTrial) replica.breaker.trialEnded();
    this.signalRoom();
  };

  #wasWell(replica: Replica, isTrial: boolean): void {
    const { state } = replica.breaker;
    replica.breaker.succeeded({ isTrial });
    if (replica.breaker.state !== state) this.#options.onChange(replica);
  }

  #failed(replica: Replica, { verdict, cause, isTrial }: Judgement): void {
    if (replica.breaker.failed(cause, { isTrial })) {
      if (this.#mayEject(replica)) replica.breaker.trip();
      else replica.breaker.close();
      this.#options.onChange(replica);
    }
    if (verdict !== "lost" || !replica.isPresent || replica.isDoubted) return;
    replica.isDoubted = true;
    this.keepOne();
    this.#options.onDoubt(replica);
  }

  #othersIn(replica: Replica): number {
    return this.#members.filter((other) => other !== replica && other.isIn).length;
  }

  #mayEject(replica: Replica): boolean {
    const others = this.#members.filter((other) => other !== replica);
    const ejected = others.filter(({ breaker }) => breaker.state !== "closed").length;
    const most = Math.max(1, Math.floor(this.#members.length * MAX_EJECTED_SHARE));
    return this.#othersIn(replica) > 0 && ejected + 1 <= most;
  }

  #ejectOutliers(): void {
    const measured = this.#members.filter(({ isIn, pace }) => isIn && pace.measured !== undefined);
    for (const replica of measured) {
      const others = measured.filter((other) => other !== replica).map(({ pace }) => pace.measured ?? 0);
      const reason = outlierReason(replica, median(others));
      if (reason === undefined || !this.#mayEject(replica)) continue;
      replica.breaker.trip(reason);
      // What it was like must not decide what it is like when it is tried again.
      replica.pace.forget();
      this.#options.onChange(replica);
    }
  }

  #guessPaces(): void {
    const fleet = {
      fleetMsPerToken: mean(this.#members.map(({ pace }) => pace.measured)),
      fleetTokensPerS: mean(this.#members.map(({ prefillTokensPerS }) => prefillTokensPerS)),
    };
    for (const replica of this.#members) replica.guessPace(fleet);
  }

  #whyNone({ model, exclude, modelVersion }: RouteRequest): string {
    const reasons = this.#members.map((replica) => {
      if (exclude?.has(replica)) return `${replica.name}: was tried`;
      if (modelVersion !== undefined && replica.description?.modelVersion !== modelVersion)
        return `${replica.name}: has other weights`;
      return `${replica.name}: ${replica.whyOut}`;
    });
    const more = reasons.length > MAX_NAMED ? `; and ${reasons.length - MAX_NAMED} more` : "";
    return `no replica of ${model} can take it now; ${reasons.slice(0, MAX_NAMED).join("; ")}${more}`;
  }
}

function isFor(replica: Replica, { exclude, modelVersion }: RouteRequest): boolean {
  if (exclude?.has(replica)) return false;
  return modelVersion === undefined || replica.description?.modelVersion === modelVersion;
}

function mean(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length;
}
