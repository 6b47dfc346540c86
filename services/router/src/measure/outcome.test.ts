import { create } from "@bufbuild/protobuf";
import { CacheStatus, UsageSchema } from "@chimera/contracts/common";
import { DeadlineExceededError, OverloadedError, UnavailableError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { openOutcome } from "./outcome.ts";
import { Stats } from "./stats.ts";
import { HandClock } from "./testing/hand-clock.ts";

const usage = create(UsageSchema, { promptTokens: 12, completionTokens: 5 });

function opened() {
  const clock = new HandClock();
  const stats = new Stats(clock);
  const caller = new AbortController();
  const call = { tenant: "acme", workload: "", door: "grpc", signal: caller.signal, arrivedAtMs: clock.ms } as const;
  const outcome = openOutcome({ clock, stats, settings: { version: 3 }, newId: () => "made" }, call);
  const accept = () => {
    outcome.accepted({ requestId: "r1", model: { id: "m", version: "v2" } });
    outcome.cached({ status: CacheStatus.MISS, reason: "not seen before" });
  };
  return { clock, stats, caller, outcome, accept };
}

describe("the times of an answer", () => {
  it("are TTFT at the first deltas, then the gap before each group and none inside of it", () => {
    const { clock, stats, outcome, accept } = opened();
    accept();
    clock.ms += 40;
    expect(outcome.ttftMs).toBeUndefined();
    outcome.deltas(1);
    expect(outcome.ttftMs).toBe(40);
    clock.ms += 10;
    outcome.deltas(3);
    clock.ms += 30;
    outcome.deltas(1);
    clock.ms += 5;
    outcome.completed(usage, undefined);
    expect(stats.snapshot().all.interToken).toMatchObject({ n: 4 });
    expect(outcome.close()).toMatchObject({ status: "OK", ttftMs: 40, turnMs: 85, deltas: 5, streamMs: 40, usage });
    const [row] = stats.snapshot().rows;
    expect(row).toMatchObject({ model: "m", tenant: "acme", requests: 1, errors: 0, ttft: { n: 1, p50Ms: 40 } });
    // Gaps 0, 0, 10 and 30.
    expect(row?.interToken.p50Ms).toBeCloseTo(5, 0);
    expect(row?.interToken.p99Ms).toBeCloseTo(10 + 20 * 0.97, -1);
  });

  it("count a first group as one wait and no gaps", () => {
    const { clock, stats, outcome, accept } = opened();
    accept();
    clock.ms += 2;
    outcome.deltas(50);
    outcome.completed(usage, undefined);
    expect(outcome.close()).toMatchObject({ ttftMs: 2, deltas: 50, streamMs: 0 });
    expect(stats.snapshot().all.interToken).toMatchObject({ n: 49, p99Ms: 0 });
  });

  it("carry the wall time of the arrival", () => {
    const { clock, outcome } = opened();
    const arrivedAt = clock.nowMs();
    clock.ms += 1234;
    outcome.left();
    expect(outcome.close().arrivedAtEpochMs).toBe(arrivedAt);
  });
});

describe("how a request ends", () => {
  it("is a refusal where it was turned away: demand, an error, and nothing served", () => {
    const { clock, stats, outcome } = opened();
    clock.ms += 1000;
    outcome.refused("no room");
    outcome.fail(new OverloadedError("no room", 100));
    expect(outcome.close()).toMatchObject({ status: "UNAVAILABLE", refusal: "no room", model: "" });
    const { all, rates, inFlight } = stats.snapshot();
    expect(all).toMatchObject({ requests: 1, errors: 1, refused: 1, turn: { n: 0 } });
    expect(rates[2]).toMatchObject({ demandAvg: 1, servedAvg: 0, refusedAvg: 1 });
    expect(inFlight).toBe(0);
  });

  it("is refused with a status also where nobody names the error", () => {
    const { outcome } = opened();
    outcome.refused("draining");
    outcome.left();
    expect(outcome.close()).toMatchObject({ status: "UNAVAILABLE", refusal: "draining" });
  });

  it("is the error's status, or CANCELLED once the caller has left", () => {
    const failed = opened();
    failed.outcome.fail(new UnavailableError("gone"));
    failed.outcome.left();
    expect(failed.outcome.close().status).toBe("UNAVAILABLE");

    const abandoned = opened();
    abandoned.caller.abort();
    abandoned.outcome.fail(new UnavailableError("gone"));
    expect(abandoned.outcome.close().status).toBe("CANCELLED");
    expect(abandoned.stats.snapshot().all).toMatchObject({ requests: 1, errors: 0 });
  });

  it("is DEADLINE_EXCEEDED where the caller's deadline is why it left", () => {
    const { outcome, caller } = opened();
    caller.abort();
    outcome.fail(new DeadlineExceededError("too late"));
    expect(outcome.close().status).toBe("DEADLINE_EXCEEDED");
  });

  it("is OK for who has the whole answer, however it leaves", () => {
    for (const leave of ["left", "fail"] as const) {
      const { outcome, caller } = opened();
      outcome.completed(usage, undefined);
      caller.abort();
      if (leave === "left") outcome.left();
      else outcome.fail(caller.signal.reason);
      expect(outcome.close().status).toBe("OK");
    }
  });

  it("is CANCELLED for a reader that went away, and UNKNOWN where nobody says", () => {
    const gone = opened();
    gone.outcome.left();
    expect(gone.outcome.close().status).toBe("CANCELLED");
    expect(opened().outcome.close().status).toBe("UNKNOWN");
  });
});

describe("what is known of a request", () => {
  it("comes from its body, then from being accepted, and counts replicas, waits and resumptions", () => {
    const { outcome, accept } = opened();
    outcome.asked({ request: { requestId: "mine", model: "any", prompt: "p" }, requestClass: "batch" });
    accept();
    outcome.servedBy("a");
    outcome.queued(5);
    outcome.queued(2.5);
    for (let i = 0; i < 3; i++) outcome.attempted();
    outcome.attempted("hedge");
    outcome.resumed();
    outcome.servedBy("b");
    outcome.completed(usage, undefined);
    expect(outcome.close()).toMatchObject({
      ...{ requestId: "r1", model: "m", modelVersion: "v2", operation: "text_completion", requestClass: "batch" },
      ...{ servedBy: "b", queueMs: 7.5, attempts: 4, hedges: 1, resumptions: 1 },
    });
  });

  it("gives a model that callers made up no row of its own", () => {
    const { stats, outcome } = opened();
    outcome.asked({ request: { requestId: "", model: "nonsense", prompt: "" }, requestClass: "interactive" });
    outcome.fail(new UnavailableError("no such model"));
    expect(outcome.close()).toMatchObject({ requestId: "made", model: "nonsense" });
    expect(stats.snapshot().rows).toMatchObject([{ model: "", tenant: "acme", requests: 1 }]);
  });
});
