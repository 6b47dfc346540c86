import { describe, expect, it } from "vitest";
import { simulate } from "../../../services/inference/src/engine/simulated/simulate.ts";
import { PARAMETERS } from "../policies.bench.ts";
import { figuresOf, policyResults } from "./figures.ts";
import { playTrace } from "./simulated-mesh.ts";
import { TRACES } from "./traces.ts";

const traceOf = (name: keyof typeof TRACES, seed = 1, requests = 300) =>
  TRACES[name]({ seed, requests, blockTokens: PARAMETERS.kvBlockTokens });

describe("a mesh in virtual time", () => {
  it("does with one replica exactly what the engine does alone, as long as nothing must wait in the router", async () => {
    const trace = traceOf("no-reuse", 1, 60).map((each) => ({ ...each, arrivedMs: each.arrivedMs * 12 }));
    const mesh = await playTrace(trace, { policy: "round-robin", replicas: 1, parameters: PARAMETERS, seed: 1 });
    const alone = simulate(trace, PARAMETERS, 1).requests;
    mesh.forEach(({ ttftMs, servedTtftMs }, i) => {
      expect(ttftMs).toBeCloseTo(alone[i]?.ttftMs ?? Number.NaN, 6);
      expect(servedTtftMs).toBeCloseTo(ttftMs, 6);
    });
  });

  it("is the same again with the same seed", async () => {
    const options = { policy: "affinity-then-wait", replicas: 4, parameters: PARAMETERS, seed: 3 } as const;
    const trace = traceOf("shared-prefix");
    expect(await playTrace(trace, options)).toEqual(await playTrace(trace, options));
  });

  it("finds more of the prompts computed where they go by their beginning", async () => {
    const trace = traceOf("shared-prefix", 2, 600);
    const hitShare = async (policy: "round-robin" | "affinity-then-wait" | "prefix-affine") =>
      figuresOf(trace, await playTrace(trace, { policy, replicas: 8, parameters: PARAMETERS, seed: 2 })).hitShare;
    const plain = await hitShare("round-robin");
    expect(await hitShare("affinity-then-wait")).toBeGreaterThan(plain + 0.05);
    expect(await hitShare("prefix-affine")).toBeGreaterThan(plain + 0.05);
  });

  it("keeps replicas at what they hold also when all are full, instead of computing everything everywhere", async () => {
    const trace = traceOf("conversation", 1, 700).map((each) => ({ ...each, arrivedMs: each.arrivedMs / 2.4 }));
    const play = (policy: "round-robin" | "affinity-then-wait") =>
      playTrace(trace, { policy, replicas: 8, parameters: PARAMETERS, seed: 1 });
    const [plain, affine] = [
      figuresOf(trace, await play("round-robin")),
      figuresOf(trace, await play("affinity-then-wait")),
    ];
    expect(affine.hitShare).toBeGreaterThan(2 * plain.hitShare);
    expect(affine.throughputRps).toBeGreaterThan(plain.throughputRps);
  });
});

describe("traces", () => {
  it("share what they say, and nothing else", () => {
    const reuse = (name: keyof typeof TRACES) => {
      const seen = new Set<number>();
      let known = 0;
      const trace = traceOf(name);
      for (const { blocks } of trace) {
        known += blocks.filter((block) => seen.has(block)).length;
        for (const block of blocks) seen.add(block);
      }
      return known / trace.reduce((sum, { blocks }) => sum + blocks.length, 0);
    };
    expect(reuse("no-reuse")).toBe(0);
    expect(reuse("shared-prefix")).toBeGreaterThan(0.7);
    expect(reuse("conversation")).toBeGreaterThan(0.4);
  });
});

describe("results", () => {
  it("have an id of trace, policy and figure, and round robin as the measure of ratios", () => {
    const play = (ms: number) => ({
      ttftP50Ms: ms,
      ttftP95Ms: 4 * ms,
      interTokenP50Ms: 9,
      throughputRps: 5,
      hitShare: 0.5,
    });
    const results = policyResults(
      "no-reuse",
      new Map([
        ["round-robin", [play(100), play(200), play(300)]],
        ["two-choices", [play(50), play(100), play(150)]],
      ]),
    );
    const of = (id: string) => results.find((each) => each.id === `policies.no-reuse.${id}`);
    expect(of("two-choices.ttft_p95_ratio")).toMatchObject({ value: 0.5, n: 3, interval: { low: 0.5, high: 0.5 } });
    expect(of("round-robin.ttft_p50_ms")).toMatchObject({ value: 200, n: 3 });
    expect(of("round-robin.ttft_p50_ratio")?.value).toBe(1);
    expect(of("two-choices.prefix_hit_share")?.value).toBe(0.5);
  });
});
