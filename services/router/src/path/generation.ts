// An answer in the making: which replica makes it, and what of it is there. It begins again elsewhere where a replica refuses,
// goes on elsewhere where one is lost, and ends with its last reader. One that another router makes already is read along first.
import { setTimeout } from "node:timers/promises";
import { toBinary } from "@bufbuild/protobuf";
import { CacheControlSchema, CacheStatus } from "@chimera/contracts/common";
import { CancelledError, type ChimeraError, Deferred, InternalError, UnavailableError } from "@chimera/kernel";
import { fromConnectError } from "@chimera/rpc";
import type { Context } from "../context.ts";
import { FrameLog } from "../relay/frame-log.ts";
import { scan } from "../relay/parts.ts";
import type { Replica } from "../replica/replica.ts";
import type { Reservation } from "../replica/replica-pool.ts";
import type { Accepted } from "./accept.ts";
import { Attempt, type AttemptEnd, type AttemptListener, engineRequest } from "./attempt.ts";
import type { Lead } from "./cache-door.ts";
import type { AskedCall } from "./call.ts";
import { noteRoute, type Route, routeOf } from "./choose-replica.ts";
import { type Elsewhere, follow, originOf } from "./follow.ts";
import { hedgeAfterMs } from "./hedge.ts";
import { type AnswerReader, Readers, type Reading } from "./readers.ts";
import { resumePoint } from "./resume-point.ts";
import { completeOf, type Replay, storedAnswerOf } from "./stored-answer.ts";

/** Frames kept of one answer. A longer one is forwarded all the same, but not stored, not shared and not resumed. */
const MAX_KEPT_BYTES = 1024 * 1024;
/** Replicas asked before one takes the request. */
const MAX_ATTEMPTS = 3;
/** Replicas lost in the middle of one answer. */
const MAX_RESUMPTIONS = 16;
const RESUME_POLL_MS = 50;

export interface GenerationOptions {
  context: Context;
  /** Whose turn in the queue, deadline and trace it has. */
  call: AskedCall;
  accepted: Accepted;
  /** The encoded key input under which the whole answer is kept. */
  storeAs: Uint8Array | undefined;
  /** Monotonic: who can not have its turn before is refused. */
  turnBeforeMs: number;
  /** Monotonic. */
  deadlineAtMs: number;
  /** The id under which other routers may read along. */
  flightId?: string | undefined;
  /** The same answer, where another flight has the lead. */
  running?: Lead | undefined;
}

export class Generation implements AttemptListener {
  readonly #options: GenerationOptions;
  readonly #log = new FrameLog(MAX_KEPT_BYTES);
  readonly #readers = new Readers({
    log: this.#log,
    maxKeptBytes: MAX_KEPT_BYTES,
    onRoom: () => this.#goOn(),
    onLastLeft: () => this.#abandon(),
  });
  readonly #ended = new AbortController();
  readonly #startedAtMs: number;
  #firstTokenAtMs: number | undefined;
  /** Whether a replica was asked for it here. */
  #isMadeHere = false;
  #hasClaimed = false;
  #isStored = false;
  #queueMs = 0;
  /** About: a delta is mostly one token. */
  #tokensMade = 0;
  #attempts = 0;
  #resumptions = 0;
  /** Replicas that refused the request; at most MAX_ATTEMPTS. */
  readonly #refusing = new Set<Replica>();
  /** Trying now; more than one only while a hedge is out. */
  #racing: Attempt[] = [];
  /** Whose frames count; undefined while a hedge may still win. */
  #winner: Attempt | undefined;
  #race: Race | undefined;
  #isPaused = false;

  constructor(options: GenerationOptions) {
    this.#options = options;
    this.#startedAtMs = options.context.clock.monotonicMs();
  }

  /** Whether one more reader can still get all of it. */
  get isJoinable(): boolean {
    return !this.#readers.hasEnded && this.#log.isWhole && !this.#ended.signal.aborted;
  }

  /** Whether the cache has the answer. */
  get isStored(): boolean {
    return this.#isStored;
  }

  /** Whether it followed another flight first, and then took its lead over. */
  get hasClaimed(): boolean {
    return this.#hasClaimed;
  }

  join(reader: AnswerReader): Reading {
    return this.#readers.join(reader);
  }

  /** Makes the answer; resolves when its place in the admission is given back and every reader that keeps up has its end. */
  async run(): Promise<void> {
    const { pass } = this.#options.call;
    let end: AttemptEnd;
    try {
      const complete = await this.#produce();
      await this.#keep(complete);
      pass.settle(this.#isMadeHere ? tokensOf(complete) : 0);
      end = { complete, error: undefined };
    } catch (error) {
      pass.settle(this.#tokensMade);
      end = { complete: undefined, error: fromConnectError(error) };
    }
    this.#readers.end(end);
  }

  /** Resolves with the frame `complete`. Throws a ChimeraError. */
  async #produce(): Promise<Buffer> {
    const { call, accepted } = this.#options;
    const { complete, stored, lost } = await this.#elsewhere();
    if (complete) return complete;
    if (stored) return this.#replay(stored);
    const route = routeOf(call.request, accepted);
    const other = lost && { name: "another router", error: lost };
    let reservation = await (other ? this.#goOnElsewhere(other, route) : this.#turn(route));
    for (;;) {
      if (this.#ended.signal.aborted) {
        reservation.end("cancelled");
        throw this.#ended.signal.reason;
      }
      const { attempt, end } = await this.#tryAt(reservation, route);
      if (end.complete) return end.complete;
      const error = end.error ?? new InternalError("the attempt ended without an outcome");
      if (this.#ended.signal.aborted) throw error;
      const loss = { name: attempt.seat.replica.name, error };
      reservation = await (attempt.isTaken || this.#readers.origin
        ? this.#goOnElsewhere(loss, route)
        : this.#beginElsewhere(attempt, error, route));
    }
  }

  /** The same answer, where another router makes it. */
  async #elsewhere(): Promise<Elsewhere> {
    const { context, running, storeAs, flightId, deadlineAtMs } = this.#options;
    if (!running || !storeAs || flightId === undefined) return {};
    return follow({
      ...{ context, running, storeAs, flightId, signal: this.#ended.signal },
      open: (seat, request) => {
        const race: Race = new Deferred();
        this.#race = race;
        const timeoutMs = deadlineAtMs - context.clock.monotonicMs();
        const attempt = new Attempt({ seat, request, timeoutMs, clock: context.clock, listener: this });
        this.#winner = attempt;
        this.#racing.push(attempt);
        return { attempt, ended: race.promise.then(({ end }) => end) };
      },
      hasBegun: () => this.#readers.origin !== undefined,
      onClaimed: () => {
        this.#hasClaimed = true;
      },
    });
  }

  /** Stored meanwhile. */
  #replay({ frames, reason }: Replay & { reason: string }): Buffer {
    const { complete, deltas } = scan(frames);
    const cache = { status: CacheStatus.HIT, reason };
    this.#readers.begun({ servedBy: "cache", queueMs: 0, predictedTtftMs: undefined, cache });
    this.#append(frames.subarray(0, complete), deltas);
    return frames.subarray(complete);
  }

  /** Nothing was promised yet: another replica, as far as the router's budget for second tries goes. */
  async #beginElsewhere({ seat }: Attempt, error: ChimeraError, route: Route): Promise<Reservation> {
    const { context } = this.#options;
    // Other routers are left before the first replica is asked, so the seat is one.
    const { replica } = seat as Reservation;
    this.#attempts += 1;
    if (!error.isRetryable || this.#attempts >= MAX_ATTEMPTS || !context.retryBudget.tryRetry()) throw error;
    context.logger.warn({ replica: replica.name, err: error }, "replica refused, trying the next");
    // One that is full is no worse than the others: it will have room again.
    if (error.kind !== "overloaded") this.#refusing.add(replica);
    try {
      return await this.#turn({ ...route, exclude: this.#refusing });
    } catch (reason) {
      throw reason instanceof UnavailableError ? error : reason;
    }
  }

  /** A replica with the same weights goes on behind what was sent, as soon as there is one. */
  async #goOnElsewhere({ name, error }: Loss, route: Route): Promise<Reservation> {
    const { context, accepted, deadlineAtMs } = this.#options;
    const failure = this.#readers.origin ? lost(name, error) : error;
    const mayGoOn = context.config.resume && this.#log.isWhole && this.#resumptions < MAX_RESUMPTIONS;
    if (!error.isRetryable) throw error.kind === "failed-precondition" ? failure : error;
    if (!mayGoOn) throw failure;
    this.#resumptions += 1;
    context.logger.warn({ replica: name, err: error }, "replica lost, another one goes on with the answer");
    const untilMs = Math.min(deadlineAtMs, context.clock.monotonicMs() + context.config.resumeWaitMs);
    const same = { ...route, modelVersion: accepted.model.version };
    if (error.kind === "overloaded") await pause(this.#ended.signal);
    while (!this.#ended.signal.aborted) {
      const reservation = reserveUrgently(context, same);
      if (reservation) return reservation;
      if (context.clock.monotonicMs() >= untilMs) break;
      await pause(this.#ended.signal);
    }
    throw failure;
  }

  /** Waits until it is this request's turn and a replica has room. */
  async #turn(route: Route): Promise<Reservation> {
    const { context, call, turnBeforeMs } = this.#options;
    const { value, queueMs } = await call.pass.turn(
      {
        model: route.model,
        requestClass: route.requestClass,
        costTokens: route.costTokens,
        deadlineAtMs: turnBeforeMs,
        signal: this.#ended.signal,
      },
      () => context.replicas.reserve(route),
    );
    this.#queueMs += queueMs;
    call.outcome.queued(queueMs);
    noteRoute(value);
    return value;
  }

  /** One replica, or two where the first is slow and hedging is on. */
  async #tryAt(reservation: Reservation, route: Route): Promise<{ attempt: Attempt; end: AttemptEnd }> {
    const { context } = this.#options;
    const race: Race = new Deferred();
    this.#race = race;
    const afterMs = this.#readers.origin ? undefined : hedgeAfterMs(context);
    const first = this.#start(reservation);
    if (afterMs === undefined) {
      this.#winner = first;
      return race.promise;
    }
    this.#winner = undefined;
    const called = new AbortController();
    setTimeout(afterMs, undefined, { signal: called.signal }).then(
      () => this.#hedge(reservation, route),
      () => undefined,
    );
    try {
      return await race.promise;
    } finally {
      called.abort();
    }
  }

  #hedge({ replica }: Reservation, route: Route): void {
    const { context } = this.#options;
    if (this.#winner || this.#racing.length !== 1 || !context.retryBudget.tryRetry()) return;
    try {
      const second = context.replicas.reserve({ ...route, exclude: new Set([replica]) });
      if (second && second.replica !== replica) this.#start(second, "hedge");
      else second?.end("cancelled");
    } catch {
      // No other replica can take it: the first one goes on alone.
    }
  }

  #start(reservation: Reservation, why?: "hedge"): Attempt {
    const { context, call, accepted, deadlineAtMs } = this.#options;
    const sent = this.#log.length > 0 ? this.#log.from(0) : undefined;
    const resume = sent && resumePoint(sent, accepted.model.version);
    this.#isMadeHere = true;
    this.#readers.attempted(why);
    const attempt = new Attempt({
      seat: reservation,
      request: engineRequest(call, accepted, resume),
      timeoutMs: deadlineAtMs - context.clock.monotonicMs(),
      clock: context.clock,
      listener: this,
    });
    this.#racing.push(attempt);
    return attempt;
  }

  taken(attempt: Attempt, accepted: Buffer): void {
    if (attempt !== this.#winner) return;
    if (this.#isMadeHere) this.#begunBy(attempt);
    else this.#readers.begun(originOf(accepted));
  }

  deltas(attempt: Attempt, frames: Buffer, deltas: number): boolean {
    if (this.#winner === undefined && deltas > 0) this.#won(attempt);
    if (attempt !== this.#winner) return true;
    this.#append(frames, deltas);
    this.#isPaused = !this.#readers.mayGoOn;
    return !this.#isPaused;
  }

  ended(attempt: Attempt, end: AttemptEnd): void {
    this.#racing = this.#racing.filter((other) => other !== attempt);
    if (this.#winner === undefined && this.#racing.length > 0) return;
    if (this.#winner !== undefined && this.#winner !== attempt) return;
    // An answer without a single delta has a winner all the same.
    if (this.#winner === undefined && end.complete) this.#won(attempt);
    this.#race?.resolve({ attempt, end });
  }

  #won(attempt: Attempt): void {
    this.#winner = attempt;
    this.#begunBy(attempt);
    for (const other of [...this.#racing]) if (other !== attempt) other.cancel();
  }

  #begunBy({ seat }: Attempt): void {
    const { replica, predictedTtftMs } = seat;
    this.#readers.begun({ servedBy: replica.name, queueMs: this.#queueMs, predictedTtftMs });
  }

  #append(frames: Buffer, deltas: number): void {
    if (deltas > 0) this.#firstTokenAtMs ??= this.#options.context.clock.monotonicMs();
    if (this.#isMadeHere) this.#tokensMade += deltas;
    this.#readers.append(frames);
  }

  #goOn(): void {
    if (!this.#isPaused || !this.#readers.mayGoOn) return;
    this.#isPaused = false;
    this.#winner?.resume();
  }

  #abandon(): void {
    if (this.#readers.hasEnded) return;
    this.#ended.abort(new CancelledError("every reader has left"));
    for (const attempt of [...this.#racing]) attempt.cancel();
  }

  /** Stored before the readers hear of the end, so that asking again at once is a hit. */
  async #keep(complete: Buffer): Promise<void> {
    const { context, storeAs, call } = this.#options;
    if (!storeAs || !this.#log.isWhole || !this.#isMadeHere) return;
    const frames = Buffer.concat([this.#log.from(0), complete]);
    const ttftMs = (this.#firstTokenAtMs ?? this.#startedAtMs) - this.#startedAtMs;
    const { cacheControl } = call.request;
    const control = cacheControl && toBinary(CacheControlSchema, cacheControl);
    const ageMs = context.clock.monotonicMs() - this.#startedAtMs;
    await context.cache.store(storeAs, storedAnswerOf(frames, ttftMs), { control, ageMs });
    this.#isStored = true;
  }
}

type Race = Deferred<{ attempt: Attempt; end: AttemptEnd }>;

/** Who was lost, and how. */
interface Loss {
  name: string;
  error: ChimeraError;
}

function tokensOf(complete: Buffer): number {
  const { usage } = completeOf(complete);
  return (usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0);
}

function reserveUrgently(context: Context, route: Route): Reservation | undefined {
  try {
    return context.replicas.reserve(route, { urgent: true });
  } catch {
    // None is reachable at this moment.
    return undefined;
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  // Rejects when aborted; the loop then looks at the signal itself.
  await setTimeout(RESUME_POLL_MS, undefined, { signal }).catch(() => undefined);
}

/** What the connection to a replica says of its end is for the log; callers get to know which replica it was. */
function lost(name: string, cause: ChimeraError): UnavailableError {
  return new UnavailableError(`${name} was lost in the middle of the answer`, { cause });
}
