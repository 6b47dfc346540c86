// An answer in the making: which replica makes it, what of it is there, and who reads it. It begins again elsewhere where a
// replica refuses, goes on elsewhere where one is lost, and ends with its last reader.
import { setTimeout } from "node:timers/promises";
import { CancelledError, type ChimeraError, Deferred, InternalError, UnavailableError } from "@chimera/kernel";
import { fromConnectError } from "@chimera/rpc";
import type { Context } from "../context.ts";
import { FrameLog } from "../relay/frame-log.ts";
import type { Replica } from "../replica/replica.ts";
import type { Reservation } from "../replica/replica-pool.ts";
import type { Accepted } from "./accept.ts";
import { Attempt, type AttemptEnd, type AttemptListener, engineRequest } from "./attempt.ts";
import type { AskedCall } from "./call.ts";
import { noteRoute, type Route, routeOf } from "./choose-replica.ts";
import { hedgeAfterMs } from "./hedge.ts";
import { resumePoint } from "./resume-point.ts";
import { completeOf, storedAnswerOf } from "./stored-answer.ts";

/** Frames kept of one answer. A longer one is forwarded all the same, but not stored, not shared and not resumed. */
const MAX_KEPT_BYTES = 1024 * 1024;
/** Replicas asked before one takes the request. */
const MAX_ATTEMPTS = 3;
/** Replicas lost in the middle of one answer. */
const MAX_RESUMPTIONS = 16;
const RESUME_POLL_MS = 50;

/** Who makes the answer, known with its first part. */
export interface Origin {
  servedBy: string;
  queueMs: number;
  predictedTtftMs: number | undefined;
}

export interface AnswerReader {
  begin(origin: Origin): void;
  /** Another replica goes on. */
  moved(origin: Origin): void;
  attempted(why?: "hedge"): void;
  /** Whole frames of deltas. False: wait until drained() of the reading. */
  deltas(frames: Buffer): boolean;
  end(end: AttemptEnd): void;
}

export interface Reading {
  drained(): void;
  /** The reader hears nothing more. */
  leave(): void;
}

interface Cursor {
  reader: AnswerReader;
  offset: number;
  hasBegun: boolean;
  isBlocked: boolean;
}

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
}

export class Generation implements AttemptListener {
  readonly #options: GenerationOptions;
  readonly #log = new FrameLog(MAX_KEPT_BYTES);
  /** Bounded by the router's requests in flight. */
  readonly #cursors = new Set<Cursor>();
  readonly #ended = new AbortController();
  readonly #startedAtMs: number;
  #firstTokenAtMs: number | undefined;
  #origin: Origin | undefined;
  #end: AttemptEnd | undefined;
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
  #race: Deferred<{ attempt: Attempt; end: AttemptEnd }> | undefined;
  #isPaused = false;

  constructor(options: GenerationOptions) {
    this.#options = options;
    this.#startedAtMs = options.context.clock.monotonicMs();
  }

  /** Whether one more reader can still get all of it. */
  get isJoinable(): boolean {
    return this.#end === undefined && this.#log.isWhole && !this.#ended.signal.aborted;
  }

  join(reader: AnswerReader): Reading {
    const cursor: Cursor = { reader, offset: 0, hasBegun: false, isBlocked: false };
    this.#cursors.add(cursor);
    this.#deliver(cursor);
    return {
      drained: () => {
        cursor.isBlocked = false;
        this.#deliver(cursor);
        this.#goOn();
      },
      leave: () => {
        this.#cursors.delete(cursor);
        if (this.#cursors.size === 0) this.#abandon();
        else this.#goOn();
      },
    };
  }

  /** Makes the answer; resolves when its place in the admission is given back and every reader that keeps up has its end. */
  async run(): Promise<void> {
    const { call } = this.#options;
    try {
      const complete = await this.#produce();
      await this.#keep(complete);
      this.#end = { complete, error: undefined };
      call.pass.settle(tokensOf(complete));
    } catch (error) {
      this.#end = { complete: undefined, error: fromConnectError(error) };
      call.pass.settle(this.#tokensMade);
    }
    for (const cursor of this.#cursors) this.#deliver(cursor);
  }

  /** Resolves with the frame `complete`. Throws a ChimeraError. */
  async #produce(): Promise<Buffer> {
    const { call, accepted } = this.#options;
    const route = routeOf(call.request, accepted);
    let reservation = await this.#turn(route);
    for (;;) {
      if (this.#ended.signal.aborted) {
        reservation.end("cancelled");
        throw this.#ended.signal.reason;
      }
      const { attempt, end } = await this.#tryAt(reservation, route);
      if (end.complete) return end.complete;
      const error = end.error ?? new InternalError("the attempt ended without an outcome");
      if (this.#ended.signal.aborted) throw error;
      reservation = await (attempt.isTaken || this.#origin
        ? this.#goOnElsewhere(attempt, error, route)
        : this.#beginElsewhere(attempt, error, route));
    }
  }

  /** Nothing was promised yet: another replica, as far as the router's budget for second tries goes. */
  async #beginElsewhere(attempt: Attempt, error: ChimeraError, route: Route): Promise<Reservation> {
    const { context } = this.#options;
    const { replica } = attempt.reservation;
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
  async #goOnElsewhere(attempt: Attempt, error: ChimeraError, route: Route): Promise<Reservation> {
    const { context, accepted, deadlineAtMs } = this.#options;
    const { replica } = attempt.reservation;
    const failure = this.#origin ? lost(replica, error) : error;
    const mayGoOn = context.config.resume && this.#log.isWhole && this.#resumptions < MAX_RESUMPTIONS;
    if (!error.isRetryable) throw error.kind === "failed-precondition" ? failure : error;
    if (!mayGoOn) throw failure;
    this.#resumptions += 1;
    context.logger.warn({ replica: replica.name, err: error }, "replica lost, another one goes on with the answer");
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
    const race = new Deferred<{ attempt: Attempt; end: AttemptEnd }>();
    this.#race = race;
    const afterMs = this.#origin ? undefined : hedgeAfterMs(context);
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
    for (const { reader } of this.#cursors) reader.attempted(why);
    const attempt = new Attempt({
      reservation,
      request: engineRequest(call, accepted, resume),
      timeoutMs: deadlineAtMs - context.clock.monotonicMs(),
      clock: context.clock,
      listener: this,
    });
    this.#racing.push(attempt);
    return attempt;
  }

  taken(attempt: Attempt): void {
    if (attempt !== this.#winner) return;
    const origin: Origin = {
      servedBy: attempt.reservation.replica.name,
      queueMs: this.#queueMs,
      predictedTtftMs: attempt.reservation.predictedTtftMs,
    };
    const isFirst = this.#origin === undefined;
    this.#origin = origin;
    for (const cursor of this.#cursors) {
      if (isFirst) this.#deliver(cursor);
      else cursor.reader.moved(origin);
    }
  }

  deltas(attempt: Attempt, frames: Buffer, deltas: number): boolean {
    if (this.#winner === undefined && deltas > 0) this.#won(attempt);
    if (attempt !== this.#winner) return true;
    if (deltas > 0) this.#firstTokenAtMs ??= this.#options.context.clock.monotonicMs();
    this.#tokensMade += deltas;
    const before = this.#log.length;
    if (before + frames.length > MAX_KEPT_BYTES && this.#log.isWhole) this.#catchUp();
    this.#log.append(frames);
    for (const cursor of this.#cursors) {
      if (cursor.offset !== before || (cursor.isBlocked && this.#log.isWhole)) continue;
      cursor.offset = this.#log.length;
      cursor.isBlocked = !cursor.reader.deltas(frames) || cursor.isBlocked;
    }
    this.#isPaused = !this.#mayGoOn();
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
    this.taken(attempt);
    for (const other of [...this.#racing]) if (other !== attempt) other.cancel();
  }

  /** Before the log is given up every reader gets what it holds; from then on all wait for the slowest. */
  #catchUp(): void {
    for (const cursor of this.#cursors) {
      if (cursor.offset < this.#log.length) cursor.reader.deltas(this.#log.from(cursor.offset));
      cursor.offset = this.#log.length;
    }
  }

  #deliver(cursor: Cursor): void {
    if (!this.#cursors.has(cursor)) return;
    if (this.#origin && !cursor.hasBegun) {
      cursor.hasBegun = true;
      cursor.reader.begin(this.#origin);
    }
    if (!cursor.isBlocked && cursor.offset < this.#log.length) {
      const frames = this.#log.from(cursor.offset);
      cursor.offset = this.#log.length;
      cursor.isBlocked = !cursor.reader.deltas(frames);
    }
    if (this.#end && cursor.offset === this.#log.length) {
      this.#cursors.delete(cursor);
      cursor.reader.end(this.#end);
    }
  }

  #goOn(): void {
    if (!this.#isPaused || !this.#mayGoOn()) return;
    this.#isPaused = false;
    this.#winner?.resume();
  }

  /** While the log holds what a slow reader has not got, the quickest one sets the pace. */
  #mayGoOn(): boolean {
    const blocked = [...this.#cursors].filter(({ isBlocked }) => isBlocked).length;
    return this.#log.isWhole ? blocked < this.#cursors.size : blocked === 0;
  }

  #abandon(): void {
    if (this.#end) return;
    this.#ended.abort(new CancelledError("every reader has left"));
    for (const attempt of [...this.#racing]) attempt.cancel();
  }

  /** Stored before the readers hear of the end, so that asking again at once is a hit. */
  async #keep(complete: Buffer): Promise<void> {
    const { context, storeAs } = this.#options;
    if (!storeAs || !this.#log.isWhole) return;
    const frames = Buffer.concat([this.#log.from(0), complete]);
    const ttftMs = (this.#firstTokenAtMs ?? this.#startedAtMs) - this.#startedAtMs;
    await context.cache.store(storeAs, storedAnswerOf(frames, ttftMs));
  }
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
function lost({ name }: Replica, cause: ChimeraError): UnavailableError {
  return new UnavailableError(`${name} was lost in the middle of the answer`, { cause });
}
