// The way of a request, stage by stage: enter, accept, look up, choose, try, forward, report.
import { create, toBinary } from "@bufbuild/protobuf";
import { CacheStatus, GenerateResponseSchema } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/router";
import { CancelledError, ChimeraError, DeadlineExceededError } from "@chimera/kernel";
import { envelope, fromConnectError } from "@chimera/rpc";
import { currentTraceId } from "@chimera/telemetry";
import type { Context } from "../context.ts";
import { scan } from "../relay/parts.ts";
import type { ServedUnder } from "../settings/live-settings.ts";
import { type Accepted, accept } from "./accept.ts";
import type { AttemptEnd } from "./attempt.ts";
import { type CacheDecision, giveBackFlight, lookUp, type OfferedFlight } from "./cache-lookup.ts";
import { type AskedCall, classOf, type IncomingCall } from "./call.ts";
import { isRefusal } from "./enter.ts";
import type { Running } from "./flights.ts";
import { Generation } from "./generation.ts";
import { loggedInput } from "./prompt-log.ts";
import type { AnswerReader, Origin, Reading } from "./readers.ts";
import { reportOutcome } from "./report-outcome.ts";
import { completeOf, type Replay } from "./stored-answer.ts";

/** Where an answer goes: whole frames, each a message of GenerateResponse behind its five bytes. */
export interface AnswerSink {
  /** False: no more until onDrain's listener is called; what is written all the same is buffered. */
  write(frames: Buffer): boolean;
  onDrain(listener: () => void): void;
}

/**
 * Resolves when the sink has the whole answer. Rejects with a ChimeraError. Whatever happens, the outcome is measured and
 * published once.
 */
export async function generate(
  context: Context,
  incoming: IncomingCall,
  asked: GenerateRequest,
  sink: AnswerSink,
): Promise<void> {
  const isServed = (model: string) => context.replicas.serves(model);
  const { request, ...under } = context.settings.fill(incoming, asked, isServed);
  const call: AskedCall = { ...incoming, request };
  const { outcome, pass } = call;
  outcome.under(under);
  outcome.asked({ request, requestClass: classOf(request) });
  // Who began an answer has its place in the admission until it ends, also where only others still read it.
  let over = Promise.resolve();
  let cached: CacheDecision | undefined;
  try {
    const accepted = accept(context, request);
    outcome.accepted(accepted);
    cached = await lookUp(context, call, accepted);
    outcome.cached(cached);
    const logged = call.isRefresh ? undefined : loggedInput(context.config.logPrompts, call.tenant, cached.input);
    if (logged) outcome.logs(logged);
    if (call.signal.aborted) throw leavingOf(call.signal);
    const answering = { context, call, accepted, under, cached, sink };
    if (cached.replay) {
      replay(cached.replay, answering);
      if (cached.isRefreshDue) context.refreshes.begin(context, call, refresh(context));
    } else {
      const reader = new SinkReader(answering);
      const begun = joinOrBegin(answering, reader);
      over = begun.over ?? over;
      await reader.whole(begun.reading);
    }
  } catch (error) {
    const failure = fromConnectError(error);
    if (isRefusal(failure)) outcome.refused(failure.message);
    outcome.fail(failure);
    throw failure;
  } finally {
    if (cached) giveBackFlight(context, cached);
    void over.then(() => pass.leave());
    reportOutcome(context, outcome.close());
  }
}

interface Answering {
  context: Context;
  call: AskedCall;
  accepted: Accepted;
  under: ServedUnder;
  cached: CacheDecision;
  sink: AnswerSink;
  /** Reads along with one that began here. */
  hasJoined?: boolean;
}

/** Its answer goes to the cache alone. */
const NOBODY: AnswerSink = { write: () => true, onDrain: () => undefined };

function refresh(context: Context) {
  return (call: IncomingCall, request: GenerateRequest) => generate(context, call, request, NOBODY);
}

function replay({ frames, complete }: Replay, answering: Answering): void {
  const { call, sink } = answering;
  const { deltas } = scan(frames);
  call.outcome.servedBy("cache");
  const origin: Origin = { servedBy: "cache", queueMs: 0, predictedTtftMs: undefined };
  sink.write(Buffer.concat([acceptedFrame(answering, origin), frames]));
  if (deltas > 0) call.outcome.deltas(deltas);
  call.outcome.completed(complete.usage, undefined);
}

/** `over`: set where this request is the first one; resolves at the end of the answer. */
function joinOrBegin(answering: Answering, reader: SinkReader): { reading: Reading; over?: Promise<void> } {
  const { context, cached } = answering;
  const { flightKey: key, keyPrefix } = cached;
  const here = key === undefined ? undefined : context.flights.find(key);
  if (here) {
    const { flight } = cached;
    if (flight && !flight.running) takeLead(context, flight.id, { ...here, isKnown: true });
    return { reading: join(answering, here.generation, reader) };
  }
  context.retryBudget.request();
  const flight = cached.flight && stillOpen(context, cached.flight);
  // The one that came first here, and only hears of it later: this request begins in its name.
  const first = flight?.running && context.flights.isOpen(flight.running.id) ? flight.running : undefined;
  const generation = generationFor(answering, first ? { id: first.id, running: undefined } : flight);
  const reading = generation.join(reader);
  const over = generation.run();
  const led = { generation, over, keyPrefix };
  if (key !== undefined) context.flights.add(key, led);
  const isKnown = first !== undefined || !flight?.running;
  if (flight) takeLead(context, first?.id ?? flight.id, { ...led, isKnown });
  return { reading, over };
}

function join(answering: Answering, generation: Generation, reader: SinkReader): Reading {
  const reason = "joined the same request, which is being answered";
  answering.cached = { ...answering.cached, status: CacheStatus.JOINED, reason };
  answering.hasJoined = true;
  answering.call.outcome.cached(answering.cached);
  return generation.join(reader);
}

/**
 * From here on others may read along; where nothing is stored in the end, the cache must not send them here. `isKnown`: it does so
 * from the beginning.
 */
function takeLead({ flights, cache }: Context, id: string, led: Running & { isKnown: boolean }): void {
  const { generation, over, isKnown } = led;
  if (!flights.lead(id, led)) return;
  void over.then(() => {
    if ((isKnown || generation.hasClaimed) && !generation.isStored) void cache.endFlight(id);
  });
}

/** Where another began in this request's name and has left since, the lead is over, and to be asked for under a new one. */
function stillOpen({ flights, peers }: Context, flight: OfferedFlight): OfferedFlight {
  if (flight.running || flights.isOpen(flight.id) || peers.url === undefined) return flight;
  return { id: flights.announce(), running: { url: peers.url, id: flight.id } };
}

function generationFor({ context, call, accepted, cached }: Answering, flight: OfferedFlight | undefined): Generation {
  const { storeAs, flightKey: key } = cached;
  const limitMs = context.config.requestTimeoutS * 1000;
  const ownMs = Math.min(call.timeoutMs ?? limitMs, limitMs);
  return new Generation({
    context,
    call,
    accepted,
    storeAs,
    turnBeforeMs: call.arrivedAtMs + ownMs,
    // Who joins later may have more time than who began; each reader watches its own.
    deadlineAtMs: call.arrivedAtMs + (key === undefined ? ownMs : limitMs),
    flightId: flight?.id,
    running: flight?.running,
  });
}

/** One reader of an answer in the making: writes into its sink, measures, and leaves when its caller does. */
class SinkReader implements AnswerReader {
  readonly #answering: Answering;
  readonly #done = Promise.withResolvers<void>();

  constructor(answering: Answering) {
    this.#answering = answering;
  }

  /** Rejects with a ChimeraError, also when the caller leaves or the time is up. */
  async whole(reading: Reading): Promise<void> {
    const { context, call, sink } = this.#answering;
    const { signal } = call;
    const leave = (error: ChimeraError) => {
      reading.leave();
      this.#done.reject(error);
    };
    const onAbort = () => leave(leavingOf(signal));
    const limitMs = context.config.requestTimeoutS * 1000;
    const timer = setTimeout(() => leave(new DeadlineExceededError(`no end within ${limitMs} ms`)), limitMs);
    signal.addEventListener("abort", onAbort, { once: true });
    sink.onDrain(() => reading.drained());
    if (signal.aborted) onAbort();
    try {
      await this.#done.promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  begin(origin: Origin): void {
    const { call, cached, hasJoined } = this.#answering;
    call.outcome.servedBy(origin.servedBy);
    if (origin.cache && !hasJoined) {
      this.#answering.cached = { ...cached, ...origin.cache };
      call.outcome.cached(origin.cache);
    }
    this.#answering.sink.write(acceptedFrame(this.#answering, origin));
  }

  moved({ servedBy }: Origin): void {
    const { outcome } = this.#answering.call;
    outcome.resumed();
    outcome.servedBy(servedBy);
  }

  attempted(why?: "hedge"): void {
    this.#answering.call.outcome.attempted(why);
  }

  deltas(frames: Buffer): boolean {
    const { call, sink, context } = this.#answering;
    const { deltas } = scan(frames);
    if (deltas > 0) {
      const isFirst = call.outcome.ttftMs === undefined;
      call.outcome.deltas(deltas);
      if (isFirst && call.outcome.ttftMs !== undefined) context.ttfts.add(call.outcome.ttftMs);
    }
    return sink.write(frames);
  }

  end({ complete, error }: AttemptEnd): void {
    if (error || !complete) {
      this.#done.reject(error ?? new CancelledError("the answer was given up"));
      return;
    }
    const { usage, timings } = completeOf(complete);
    this.#answering.sink.write(complete);
    this.#answering.call.outcome.completed(usage, timings);
    this.#done.resolve();
  }
}

function acceptedFrame({ accepted, under, cached }: Answering, origin: Origin): Buffer {
  const { requestId, model } = accepted;
  const { servedBy, queueMs, predictedTtftMs } = origin;
  const message = create(GenerateResponseSchema, {
    part: {
      case: "accepted",
      value: {
        requestId,
        servedBy,
        cache: { status: cached.status, reason: cached.reason },
        model: model.id,
        modelVersion: model.version,
        traceId: currentTraceId(),
        queueMs,
        predictedTtftMs,
        settingsVersion: under.version,
        arm: under.arm,
      },
    },
  });
  return envelope(toBinary(GenerateResponseSchema, message));
}

/** Why a caller is gone, as an error of ours. */
function leavingOf({ reason }: AbortSignal): ChimeraError {
  if (reason instanceof ChimeraError) return reason;
  const error = fromConnectError(reason);
  return error.kind === "deadline-exceeded" ? error : new CancelledError("the caller left", { cause: reason });
}
