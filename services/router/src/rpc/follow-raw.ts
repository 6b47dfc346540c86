// RouterPeerService.Follow: another router reads along with an answer in the making here. Bytes in, bytes out. The id of the flight
// is all the credential there is, and opens nothing else.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { GenerateResponseSchema } from "@chimera/contracts/common";
import { FollowRequestSchema, RouterPeerService } from "@chimera/contracts/router";
import {
  type ChimeraError,
  InvalidRequestError,
  NotFoundError,
  OverloadedError,
  UnavailableError,
} from "@chimera/kernel";
import { envelope, fromConnectError, type RawCall, type RawMethod } from "@chimera/rpc";
import type { Context } from "../context.ts";
import type { AttemptEnd } from "../path/attempt.ts";
import type { Generation } from "../path/generation.ts";
import type { AnswerReader, Origin } from "../path/readers.ts";

/** Answers that are read from other routers at a time; who is turned away makes its own. */
const MAX_FOLLOWERS = 4096;
const RETRY_AFTER_MS = 1000;

export function followRaw({ flights }: Pick<Context, "flights">): RawMethod {
  const { parent, name } = RouterPeerService.method.follow;
  let followers = 0;
  return {
    path: `/${parent.typeName}/${name}`,
    async handle(call) {
      if (followers >= MAX_FOLLOWERS) throw new OverloadedError("too many routers read along", RETRY_AFTER_MS);
      followers += 1;
      try {
        const generation = await flights.follow(flightId(await call.message()));
        if (!generation) throw new NotFoundError("no such flight, or it is over");
        await new PeerReader(call).whole(generation);
      } finally {
        followers -= 1;
      }
    },
  };
}

function flightId(message: Uint8Array): string {
  try {
    return fromBinary(FollowRequestSchema, message).flightId;
  } catch {
    throw new InvalidRequestError([{ field: "request", description: "is no FollowRequest in protobuf" }]);
  }
}

class PeerReader implements AnswerReader {
  readonly #call: RawCall;
  readonly #done = Promise.withResolvers<void>();

  constructor(call: RawCall) {
    this.#call = call;
  }

  async whole(generation: Generation): Promise<void> {
    const { signal } = this.#call;
    const reading = generation.join(this);
    const onAbort = () => {
      reading.leave();
      this.#done.reject(fromConnectError(signal.reason));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#call.onDrain(() => reading.drained());
    if (signal.aborted) onAbort();
    try {
      await this.#done.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  begin({ servedBy, queueMs }: Origin): void {
    const part = { case: "accepted", value: { servedBy, queueMs } } as const;
    this.#call.write(envelope(toBinary(GenerateResponseSchema, create(GenerateResponseSchema, { part }))));
  }

  /** The other router tells its callers once who began. */
  moved(): void {}

  attempted(): void {}

  deltas(frames: Buffer): boolean {
    return this.#call.write(frames);
  }

  end({ complete, error }: AttemptEnd): void {
    if (!complete) this.#done.reject(error ?? given());
    else {
      this.#call.write(complete);
      this.#done.resolve();
    }
  }
}

function given(): ChimeraError {
  return new UnavailableError("the answer was given up");
}
