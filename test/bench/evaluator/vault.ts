// What a tuning run on the real model is worth on tickets that nothing was chosen by: the search on validation, the guard on the holdout,
// then baseline and proposal on the vault, item by item.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CompareResult, type Estimate, EvaluatorService, type Proposal } from "@chimera/contracts/evaluator";
import { connectClient, ownedStream, type RpcClient } from "@chimera/rpc";
import { ticketsPath } from "@chimera/tickets";
import { loadItems } from "../../../services/evaluator/src/dataset/load.ts";
import { shareOut } from "../../../services/evaluator/src/tuning/item-shares.ts";
import type { BenchContext } from "../benchmark.ts";
import { withMesh } from "../mesh-under-test.ts";
import type { BenchResult } from "../result.ts";

const TRIALS = 24;
const ITEMS_PER_TRIAL = 150;
const PARAMETERS = ["shots", "template", "temperature", "top_p", "repetition_penalty"];
const CONCURRENCY = 8;

type Evaluator = RpcClient<typeof EvaluatorService>["client"];

export async function vaultResults(context: BenchContext): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "tuner-vault-"));
  try {
    await writeVault(folder);
    const serviceEnv = { evaluator: { EVALUATOR_DATASETS_DIR: folder } };
    return await withMesh(context, { serviceEnv }, async (mesh) => {
      const { client, close } = connectClient(EvaluatorService, mesh.url("evaluator"));
      try {
        const proposal = await tuned(client, context);
        const comparison = await compared(client, proposal, context);
        return resultsOf({ proposal, comparison, sizes: await sizesOf() });
      } finally {
        close();
      }
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As a data set of its own: the evaluator opens no vault by that name. Examples are those of the tickets. */
async function writeVault(folder: string): Promise<void> {
  const texts = await Promise.all((["history", "train"] as const).map((split) => readFile(ticketsPath(split), "utf8")));
  await writeFile(join(folder, "vault.train.jsonl"), texts.join(""));
  await writeFile(join(folder, "vault.holdout.jsonl"), await readFile(ticketsPath("vault"), "utf8"));
}

async function sizesOf(): Promise<Found["sizes"]> {
  const [validation, holdout] = await Promise.all(
    (["validation", "holdout"] as const).map((split) => loadItems(ticketsPath(split), 0)),
  );
  const fresh = shareOut(validation?.items ?? [], ITEMS_PER_TRIAL).fresh.length;
  return { validation: fresh, holdout: holdout?.items.length ?? 0 };
}

async function tuned(client: Evaluator, { signal, progress }: BenchContext): Promise<Proposal> {
  const request = {
    ...{ trials: TRIALS, itemsPerTrial: ITEMS_PER_TRIAL, concurrency: CONCURRENCY },
    ...{ parameters: PARAMETERS, seed: 1n },
  };
  for await (const { event } of ownedStream((own) => client.tune(request, { signal: own }), { signal })) {
    if (event.case === "trial") {
      const { number, quality, state, configuration } = event.value;
      const prompt = configuration?.prompt;
      progress(
        `trial ${number}: ${quality?.value.toFixed(3)} ${state}, ${prompt?.template} ${prompt?.shots} ${prompt?.shotSelection}`,
      );
    }
    if (event.case === "progress") progress(event.value.text);
    if (event.case === "result" && event.value.proposal) return event.value.proposal;
  }
  throw new Error("the tuning run ended without a proposal");
}

async function compared(client: Evaluator, { from, to }: Proposal, { signal, progress }: BenchContext) {
  const request = {
    ...{ dataset: "vault", split: "holdout", concurrency: CONCURRENCY },
    ...(from && { baseline: from }),
    ...(to && { candidate: to }),
  };
  progress("baseline and proposal on the vault");
  for await (const { event } of ownedStream((own) => client.compare(request, { signal: own }), { signal })) {
    if (event.case === "result") return event.value;
  }
  throw new Error("the comparison ended without a result");
}

interface Found {
  proposal: Proposal;
  comparison: CompareResult;
  /** Items of each side. */
  sizes: { validation: number; holdout: number };
}

function resultsOf({ proposal, comparison, sizes }: Found): BenchResult[] {
  const { baseline, candidate, macroF1Difference } = comparison;
  const before = baseline?.macroF1?.value ?? Number.NaN;
  const n = candidate?.n ?? 0;
  const verdict = proposal.isAccepted ? "accepted by the guard" : `refused by the guard: ${proposal.reasons.join(" ")}`;
  const method = `Macro-F1 of the proposal over that of plain settings (no examples, the model's default sampling) minus 1, on the vault, opened for this. ${TRIALS} trials of up to ${ITEMS_PER_TRIAL} validation tickets; ${verdict}. Paired bootstrap over clusters, divided by the baseline's point value.`;
  const [value, low, high] = [macroF1Difference?.value, macroF1Difference?.low, macroF1Difference?.high].map(
    (difference) => (difference === undefined ? null : difference / before),
  );
  const interval = low == null || high == null ? null : { low, high, level: 0.95 };
  return [
    { id: "tuner.vault_f1_gain", value: value ?? null, unit: "share", n, interval, method },
    { id: "tuner.vault_f1_gain_low", value: low ?? null, unit: "share", n, interval: null, method },
    sideResult("validation", proposal.validation, sizes.validation),
    sideResult("holdout", proposal.holdout, sizes.holdout),
    sideResult("vault", candidate?.macroF1, n),
  ];
}

function sideResult(side: string, estimate: Estimate | undefined, n: number): BenchResult {
  return {
    id: `tuner.${side}_macro_f1`,
    value: estimate?.value ?? null,
    unit: "share",
    n: estimate === undefined ? 0 : n,
    interval: estimate === undefined ? null : { low: estimate.low, high: estimate.high, level: 0.95 },
    method: `Macro-F1 of the proposal on ${side === "validation" ? "validation tickets that the search did not ask" : `the ${side}`}. ${estimate?.method ?? ""}`,
  };
}
