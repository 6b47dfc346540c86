import {
  CancelledError,
  DeadlineExceededError,
  InternalError,
  InvalidRequestError,
  OverloadedError,
  UnavailableError,
} from "@chimera/kernel";
import { fromConnectError, toConnectError } from "@chimera/rpc";
import { expect, it } from "vitest";
import { type RequestEnd, type Verdict, verdictOf } from "./verdict.ts";

const BEFORE = { hadToken: false, tookMs: 20 };
const AFTER = { hadToken: true, tookMs: 20 };

const verdicts: [what: string, end: RequestEnd, before: Verdict, after: Verdict][] = [
  ["an answer", "ok", "well", "well"],
  ["a caller that left", "cancelled", "nothing", "well"],
  ["a cancelled stream", new CancelledError("left"), "nothing", "well"],
  ["no room", new OverloadedError("full", 100), "refused", "refused"],
  ["no room, said over the wire", overTheWire(new OverloadedError("full", 100)), "refused", "refused"],
  ["a connection that is gone", new UnavailableError("connection refused"), "lost", "lost"],
  ["the same over the wire", overTheWire(new UnavailableError("shutting down")), "lost", "lost"],
  ["a defect", new InternalError("oops"), "failed", "failed"],
  ["a deadline that was short", new DeadlineExceededError("too late"), "nothing", "well"],
  ["a request that is no good", new InvalidRequestError([{ field: "x", description: "y" }]), "well", "well"],
];

it.each(verdicts)("%s", (_what, end, before, after) => {
  expect([verdictOf(end, BEFORE), verdictOf(end, AFTER)]).toEqual([before, after]);
});

it("a deadline of more than five seconds without a token is the replica's failure", () => {
  expect(verdictOf(new DeadlineExceededError("too late"), { hadToken: false, tookMs: 5000 })).toBe("failed");
});

function overTheWire(error: Error) {
  return fromConnectError(toConnectError(error));
}
