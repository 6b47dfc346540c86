// Reading along with the same answer at another router: the first try of a request that, as the cache says, is being answered
// there already. Nothing of it counts as load of a replica: the other router has that.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CacheStatus, GenerateResponseSchema } from "@chimera/contracts/common";
import { FollowRequestSchema } from "@chimera/contracts/router";
import { UnavailableError } from "@chimera/kernel";
import { ENVELOPE_BYTES } from "@chimera/rpc";
import type { Context } from "../context.ts";
import type { Relay } from "../relay/relay.ts";
import type { Attempt, AttemptEnd, Seat } from "./attempt.ts";
import type { Lead } from "./cache-door.ts";
import type { Origin } from "./readers.ts";
import { type Replay, replayOf } from "./stored-answer.ts";

/** Flights of one question that are tried one after the other, each because the one before was over. */
const MAX_FOLLOWED = 3;

/** What came of it. Neither of all: the answer is to be made here. */
export interface Elsewhere {
  /** The frame at the end of an answer that was read along. */
  complete?: Buffer;
  stored?: Replay & { reason: string };
  /** After its first part. */
  lost?: UnavailableError;
}

export interface FollowOptions {
  context: Pick<Context, "config" | "peers" | "cache">;
  running: Lead;
  /** The encoded key input. */
  storeAs: Uint8Array;
  /** What others are told of where this request takes the lead over. */
  flightId: string;
  /** Aborted when nobody reads any more. */
  signal: AbortSignal;
  /** `ended` resolves with its end. */
  open(seat: Seat, request: Uint8Array): { attempt: Attempt; ended: Promise<AttemptEnd> };
  /** Whether a first part has come. */
  hasBegun(): boolean;
  /** The lead is this request's now. */
  onClaimed(): void;
}

/** Rejects with the reason of the signal. */
export async function follow(options: FollowOptions): Promise<Elsewhere> {
  const { context, running, signal, hasBegun } = options;
  let lead = running;
  for (let tries = 0; tries < MAX_FOLLOWED; tries++) {
    if (lead.url !== context.peers.url) {
      const { isLate, complete, error } = await readAlong(lead, options);
      if (complete) return { complete };
      signal.throwIfAborted();
      // It lives, and others may have the patience.
      if (isLate) return {};
      if (hasBegun()) {
        void lookAgain(lead, options);
        return { lost: new UnavailableError("another router ended the answer", { cause: error }) };
      }
    } else if (tries > 0) return {};
    const { stored, next } = await lookAgain(lead, options);
    signal.throwIfAborted();
    if (stored) return { stored };
    if (!next) return {};
    lead = next;
  }
  return {};
}

async function readAlong(lead: Lead, { context, open }: FollowOptions): Promise<AttemptEnd & { isLate: boolean }> {
  const request = toBinary(FollowRequestSchema, create(FollowRequestSchema, { flightId: lead.id }));
  const { attempt, ended } = open(seatAt(lead.url, context.peers.relay(lead.url)), request);
  let isLate = false;
  const timer = setTimeout(() => {
    if (attempt.isTaken) return;
    isLate = true;
    attempt.cancel();
  }, context.config.flightWaitMs);
  const end = await ended;
  clearTimeout(timer);
  return { ...end, isLate };
}

/** That flight is over: the answer may be stored by now, somebody else may make it, or its lead is free to be taken. */
async function lookAgain(
  { id: replaces }: Lead,
  { context, storeAs, flightId: id, signal, onClaimed }: FollowOptions,
): Promise<{ stored?: Replay & { reason: string }; next?: Lead | undefined }> {
  const { url } = context.peers;
  if (url === undefined) return {};
  const { answer, reason, running } = await context.cache.lookup(storeAs, { signal, flight: { url, id, replaces } });
  const replay = answer && replayOf(answer);
  if (!replay && !running) onClaimed();
  return replay ? { stored: { ...replay, reason } } : { next: running };
}

function seatAt(name: string, relay: Relay): Seat {
  return { replica: { name, relay }, predictedTtftMs: undefined, firstToken: () => undefined, end: () => undefined };
}

/** `accepted`: the frame with which the other router began. */
export function originOf(accepted: Buffer): Origin {
  const { part } = fromBinary(GenerateResponseSchema, accepted.subarray(ENVELOPE_BYTES));
  return {
    servedBy: part.case === "accepted" ? part.value.servedBy : "",
    queueMs: 0,
    predictedTtftMs: undefined,
    cache: { status: CacheStatus.JOINED, reason: "joined the same request, which another router is answering" },
  };
}
