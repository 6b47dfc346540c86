// Stage 5: one try at an answer, at a replica or along with another router.
import { create, toBinary } from "@bufbuild/protobuf";
import { GenerateRequestSchema, type Resume } from "@chimera/contracts/inference";
import { CancelledError, type ChimeraError, type Clock, UnavailableError } from "@chimera/kernel";
import { scan } from "../relay/parts.ts";
import type { RelayedAnswer } from "../relay/relay.ts";
import type { Reservation } from "../replica/replica-pool.ts";
import type { Accepted } from "./accept.ts";
import type { AskedCall } from "./call.ts";

/** Where an attempt is made: a reservation at a replica, or what stands for another router. */
export interface Seat extends Pick<Reservation, "predictedTtftMs" | "firstToken" | "end"> {
  readonly replica: Pick<Reservation["replica"], "name" | "relay">;
}

export interface AttemptEnd {
  /** The frame `complete`; undefined where the answer was cut. */
  complete: Buffer | undefined;
  error: ChimeraError | undefined;
}

export interface AttemptListener {
  /** The replica has taken the request. `accepted`: the frame it says so with, or nothing. */
  taken(attempt: Attempt, accepted: Buffer): void;
  /** Whole frames with deltas, `deltas` of them with text. False pauses the replica. */
  deltas(attempt: Attempt, frames: Buffer, deltas: number): boolean;
  ended(attempt: Attempt, end: AttemptEnd): void;
}

export interface AttemptOptions {
  seat: Seat;
  request: Uint8Array;
  timeoutMs: number;
  clock: Clock;
  listener: AttemptListener;
}

export class Attempt {
  readonly seat: Seat;
  readonly #listener: AttemptListener;
  readonly #clock: Clock;
  readonly #openedAtMs: number;
  readonly #answer: RelayedAnswer;
  #complete: Buffer | undefined;
  #isOver = false;
  isTaken = false;
  hasToken = false;

  constructor({ seat, request, timeoutMs, clock, listener }: AttemptOptions) {
    this.seat = seat;
    this.#listener = listener;
    this.#clock = clock;
    this.#openedAtMs = clock.monotonicMs();
    this.#answer = seat.replica.relay.open(
      request,
      { timeoutMs },
      { frames: (frames) => this.#frames(frames), end: (error) => this.#end(error) },
    );
  }

  resume(): void {
    this.#answer.resume();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#answer.cancel();
    this.#over("cancelled", { complete: undefined, error: new CancelledError("nobody waits for the answer") });
  }

  #frames(frames: Buffer): boolean {
    const { begin, complete, deltas } = scan(frames);
    if (!this.isTaken) {
      this.isTaken = true;
      this.#listener.taken(this, frames.subarray(0, begin));
    }
    if (deltas > 0 && !this.hasToken) {
      this.hasToken = true;
      this.seat.firstToken(this.#clock.monotonicMs() - this.#openedAtMs);
    }
    // A copy: the end is kept until the cache has the answer.
    if (complete < frames.length) this.#complete = Buffer.from(frames.subarray(complete));
    return complete > begin ? this.#listener.deltas(this, frames.subarray(begin, complete), deltas) : true;
  }

  #end(error: ChimeraError | undefined): void {
    // Whoever has the end of the answer has all of it, however the connection went.
    if (this.#complete) this.#over("ok", { complete: this.#complete, error: undefined });
    else {
      const { name } = this.seat.replica;
      const failure = error ?? new UnavailableError(`${name} ended the stream before the answer`);
      this.#over(failure, { complete: undefined, error: failure });
    }
  }

  #over(outcome: "ok" | "cancelled" | ChimeraError, end: AttemptEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.seat.end(outcome);
    this.#listener.ended(this, end);
  }
}

/** The request for the engine; with `resume`, to go on behind what was sent already. */
export function engineRequest(
  { request }: Pick<AskedCall, "request">,
  accepted: Accepted,
  resume?: Resume,
): Uint8Array {
  const { messages, prompt, sampling } = request;
  const { requestId, model } = accepted;
  const message = create(GenerateRequestSchema, { requestId, model: model.id, messages, prompt, sampling });
  if (resume) message.resume = resume;
  return toBinary(GenerateRequestSchema, message);
}
