// Tune and GuardStatus in this process, the router scripted: its model is right once it is shown how.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { CachePolicy, RequestClass } from "@chimera/contracts/common";
import { EvaluatorService, type TuneRequestSchema, type TuneResponse } from "@chimera/contracts/evaluator";
import { createLogger, readSettings, type Service } from "@chimera/lifecycle";
import { connectClient, fromConnectError, ownedStream, type RpcClient } from "@chimera/rpc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fields } from "../config.ts";
import { createEvaluator } from "../service.ts";
import { accepted, complete, delta, type ScriptedRouter, startScriptedRouter } from "../testing/scripted-router.ts";

const LABELS = ["bug", "login", "refund"];
const WORDS = ["apple", "bread", "chalk", "drift", "ember", "flint", "grape", "hazel", "ivory", "jewel"];
type Request = MessageInitShape<typeof TuneRequestSchema>;
const REQUEST: Request = { dataset: "desk", trials: 4, itemsPerTrial: 20, parameters: ["shots"], seed: 2n };

let folder: string;
let router: ScriptedRouter;
let evaluator: Service;
let client: RpcClient<typeof EvaluatorService>;
/** Share of items that examples make right. */
let taught = 0.9;

beforeEach(async () => {
  taught = 0.9;
  folder = await mkdtemp(join(tmpdir(), "tune-"));
  for (const [split, n] of [
    ["train", 30],
    ["validation", 120],
    ["holdout", 120],
  ] as const) {
    await writeFile(join(folder, `desk.${split}.jsonl`), rowsOf(split, n));
  }
  router = await startScriptedRouter(async function* ({ request }) {
    const question = request.messages.at(-1)?.content ?? "";
    const at = Number(/\d+$/.exec(question)?.[0]);
    const isRight = request.messages.length > 1 ? (at * 7) % 100 < 100 * taught : at % 10 < 3;
    yield accepted(request.requestId);
    yield delta(0, `intent=${LABELS[(at + (isRight ? 0 : 1)) % LABELS.length]}`);
    yield complete();
  });
  const config = readSettings("evaluator", fields, {
    EVALUATOR_PORT: "0",
    EVALUATOR_DRAIN_MS: "0",
    EVALUATOR_DATASETS_DIR: folder,
    EVALUATOR_DATA_DIR: join(folder, "state"),
    CHIMERA_ROUTER_URL: router.url,
    CHIMERA_NATS_URL: "nats://127.0.0.1:1",
  });
  evaluator = await createEvaluator(config, createLogger("evaluator", "silent"));
  client = connectClient(EvaluatorService, `http://${evaluator.address}`);
});
afterEach(async () => {
  client.close();
  await evaluator.drain();
  await evaluator.dispose();
  await router.close();
  await rm(folder, { recursive: true, force: true });
});

/** Texts that have no three words in a row in common. */
function rowsOf(split: string, n: number): string {
  return Array.from({ length: n }, (_, at) => {
    const input = `${split} ${WORDS[at % 10]} ${at} ${WORDS[Math.floor(at / 10) % 10]} ${split} ${at}`;
    return JSON.stringify({ id: `${split}-${at}`, input, target: `intent=${LABELS[at % LABELS.length]}` });
  }).join("\n");
}

async function tune(request: Request): Promise<TuneResponse["event"][]> {
  const events = [];
  try {
    for await (const { event } of ownedStream((signal) => client.client.tune(request, { signal }))) events.push(event);
  } catch (error) {
    throw fromConnectError(error);
  }
  return events;
}

function proposalOf(events: readonly TuneResponse["event"][]) {
  const last = events.at(-1);
  return last?.case === "result" ? last.value.proposal : undefined;
}

describe("Tune", () => {
  it("streams every trial, then a proposal with what it does on each side", async () => {
    const events = await tune(REQUEST);
    expect(events.flatMap((event) => (event.case === "trial" ? [event.value.number] : []))).toEqual([0, 1, 2, 3]);
    expect(events[0]).toMatchObject({ case: "progress", value: { trials: 0, trialsTotal: 4 } });
    const proposal = proposalOf(events);
    expect(proposal).toMatchObject({ isAccepted: true, reasons: [], from: { prompt: { shots: 0 } } });
    expect(proposal?.to?.prompt?.shots).toBeGreaterThan(0);
    for (const side of [proposal?.validation, proposal?.nested, proposal?.holdout]) {
      expect(side?.value).toBeGreaterThan(0.7);
      expect(side?.low).toBeLessThan(side?.value ?? 0);
    }
    expect(proposal?.gain?.low).toBeGreaterThan(0.3);
    const guard = await client.client.guardStatus({ dataset: "desk" });
    expect(guard).toMatchObject({ looksUsed: 1, looksAllowed: 20 });
    const states = new Map(guard.signs.map(({ name, state }) => [name, state]));
    expect(states.get("shots among the evaluation items")).toBe("ok");
    expect(states.get("judge against people")).toBe("no data");
    expect(guard.signs.every(({ rule, mitigation }) => rule !== "" && mitigation !== "")).toBe(true);
  });

  it("asks patiently, with greedy trials from the cache and comparisons around it", async () => {
    await tune(REQUEST);
    expect(router.calls.every(({ request }) => request.class === RequestClass.BATCH)).toBe(true);
    const policies = (split: string) =>
      new Set(
        router.calls
          .filter(({ request }) => request.messages.at(-1)?.content.startsWith(split))
          .map(({ request }) => request.cachePolicy),
      );
    expect(policies("holdout")).toEqual(new Set([CachePolicy.BYPASS]));
    expect(policies("validation")).toContain(CachePolicy.UNSPECIFIED);
  });

  it("shows a gap that evaluations of both sides have found", async () => {
    for (const split of ["validation", "holdout"]) {
      for await (const _ of client.client.evaluate({ dataset: "desk", split }));
    }
    const { signs } = await client.client.guardStatus({ dataset: "desk" });
    expect(signs.find(({ name }) => name === "gap validation - holdout")).toMatchObject({
      value: 0,
      n: 240n,
      state: "ok",
    });
  });

  it("spends no look where nothing is gained", async () => {
    taught = 0.1;
    const proposal = proposalOf(await tune({ ...REQUEST, runId: "nothing" }));
    expect(proposal).toMatchObject({ isAccepted: false });
    expect(proposal?.reasons.length).toBe(1);
    expect(proposal?.holdout).toBeUndefined();
    expect(router.calls.some(({ request }) => request.messages.at(-1)?.content.startsWith("holdout"))).toBe(false);
    expect((await client.client.guardStatus({ dataset: "desk" })).looksUsed).toBe(0);
  });

  it("tells an ended run again without asking anything, and refuses other settings under its id", async () => {
    const first = proposalOf(await tune({ ...REQUEST, runId: "desk-1" }));
    const asked = router.calls.length;
    expect(proposalOf(await tune({ ...REQUEST, runId: "desk-1" }))).toEqual(first);
    expect(router.calls.length).toBe(asked);
    await expect(tune({ ...REQUEST, runId: "desk-1", seed: 3n })).rejects.toThrow(/desk-1/);
  });

  it("says what is wrong with a request", async () => {
    await expect(tune({ ...REQUEST, parameters: ["magic"] })).rejects.toThrow(/parameters: magic: none of temperature/);
    await expect(tune({ ...REQUEST, trials: 401 })).rejects.toThrow(/trials: at most 400/);
    await expect(tune({ ...REQUEST, maxTtftP95Ms: -1 })).rejects.toThrow(/max_ttft_p95_ms: above 0/);
    await expect(tune({ ...REQUEST, runId: "../etc" })).rejects.toThrow(/run_id/);
    await expect(tune({ ...REQUEST, dataset: "none" })).rejects.toThrow(/no data set "none" with a validation split/);
  });
});
