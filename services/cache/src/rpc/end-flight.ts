// Gives up the lead of a flight: the next who asks makes the answer.
import { create } from "@bufbuild/protobuf";
import { type EndFlightRequest, type EndFlightResponse, EndFlightResponseSchema } from "@chimera/contracts/cache";
import type { Context } from "../context.ts";

export function endFlight({ leases }: Pick<Context, "leases">) {
  return ({ flightId }: EndFlightRequest): EndFlightResponse => {
    leases.end(flightId);
    return create(EndFlightResponseSchema);
  };
}
