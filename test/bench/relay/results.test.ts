import { describe, expect, it } from "vitest";
import type { ClosedResult } from "../load/rounds.ts";
import { idPrefix, roundResults } from "./results.ts";
import type { Played } from "./rounds.ts";

const round = (cpuMs: number, tokens: number): ClosedResult => ({
  cpuMs,
  seconds: 1,
  tokens,
  answers: 1,
  failures: 0,
  lastFailure: undefined,
  ttftMs: [1],
  rssMib: 20,
});
const rounds = [1, 2, 3].map((load) => ({ nginx: round(2 * load, 1000 * load), relay: round(3 * load, 1000 * load) }));
const played: Played = { step: rounds, jitter: rounds, burst: rounds };
const subjects = [
  { name: "nginx", title: "nginx/1.22", isOurs: false },
  { name: "relay", title: "the relay", isOurs: true },
] as const;

describe("the figures of the rounds", () => {
  const results = new Map(roundResults(played, subjects).map((result) => [result.id, result]));

  it("are CPU per token of each, and ours ÷ theirs", () => {
    expect(results.get("relay.step.nginx_cpu_us_per_token")).toMatchObject({ value: 2, n: 6000 });
    expect(results.get("relay.step.cpu_us_per_token")).toMatchObject({ value: 3, interval: { low: 3, high: 3 } });
    expect(results.get("relay.burst.cpu_ratio_nginx")).toMatchObject({ value: 1.5, n: 3 });
    expect(results.get("relay.burst.rss_mib")).toMatchObject({ value: 20 });
  });

  it("compare nobody with itself, or with who is not there", () => {
    expect([...results.keys()].filter((id) => id.includes("ratio"))).toEqual([
      "relay.step.cpu_ratio_nginx",
      "relay.jitter.cpu_ratio_nginx",
      "relay.burst.cpu_ratio_nginx",
    ]);
  });
});

it("the relay alone has the plain ids, the whole router its own", () => {
  expect(idPrefix("relay", "step")).toBe("relay.step.");
  expect(idPrefix("router", "step")).toBe("relay.router_step.");
  expect(idPrefix("router", "")).toBe("relay.router_");
});
