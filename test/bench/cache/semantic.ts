// Whether similar questions have the same answer, on the project's own tickets: how many the cache would serve, and how many of
// those wrongly. Says whether the match is worth turning on, not how fast it is.
import { hash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { cacheKey, type Embedder, SemanticMatch } from "@chimera/cache/semantic";
import { CacheKeyInputSchema } from "@chimera/contracts/cache";
import { DeltaSchema, Role } from "@chimera/contracts/common";
import { seededRandom } from "@chimera/kernel";
import { loadTickets, type Ticket, targetText } from "@chimera/tickets";
import type { BenchContext } from "../benchmark.ts";
import { plainResult, shareResult } from "../figures.ts";
import type { BenchResult } from "../result.ts";

const ERROR_BOUND = 0.02;
const PASSES = { quick: 1, full: 5 };
const DIMENSIONS = 512;
const SEED = 1;

export async function semanticResults({ quick, progress }: BenchContext): Promise<BenchResult[]> {
  const passes = PASSES[quick ? "quick" : "full"];
  progress("similar questions: the tickets of train and validation");
  const tickets = [...(await loadTickets("train")), ...(await loadTickets("validation"))];
  const counts = { total: 0, served: 0, wrong: 0 };
  let reported = Number.NaN;
  for (let pass = 0; pass < passes; pass++) {
    const { match, ...played } = await play(tickets, SEED + pass);
    counts.total += played.total;
    counts.served += played.served;
    counts.wrong += played.wrong;
    reported = match.statistics().wrongShare;
  }
  const method = `Each different text of the tickets of train and validation asked once, in ${passes} random orders, as one tenant's greedy requests; its label is the answer. Embeddings: hashed character trigrams, ${DIMENSIONS} dimensions. Bound on wrong answers among those served: ${ERROR_BOUND}.`;
  return [
    shareResult({ id: "cache.similar_served_share", count: counts.served, n: counts.total, method }),
    shareResult({
      id: "cache.similar_wrong_share",
      count: counts.wrong,
      n: counts.served,
      method: `Of those served: another label. ${method}`,
    }),
    plainResult({
      id: "cache.similar_wrong_share_reported",
      value: Number.isNaN(reported) ? null : reported,
      unit: "share",
      n: 1,
      method: `What the cache itself reports of its last pass, from questions that it answered anew to compare. ${method}`,
    }),
  ];
}

async function play(tickets: readonly Ticket[], seed: number) {
  const random = seededRandom(seed);
  const tenants = new Map([["all", { errorBound: ERROR_BOUND }]]);
  const match = new SemanticMatch({ tenants, embedder: trigrams, random });
  const byText = new Map(tickets.map((ticket) => [ticket.input, targetText(ticket)]));
  const questions = shuffled([...byText], random);
  const answers = new Map<string, string>();
  const counts = { total: 0, served: 0, wrong: 0 };
  for (const [text, answer] of questions) {
    const input = create(CacheKeyInputSchema, {
      ...{ tenant: "all", model: "triage", modelVersion: "1", sampling: { temperature: 0 } },
      messages: [{ role: Role.USER, content: text }],
    });
    const key = cacheKey(input);
    const found = await match.find(input, key);
    counts.total += 1;
    if (found === undefined) {
      answers.set(key.storeKey, answer);
      match.stored(key, { deltas: [create(DeltaSchema, { text: answer })] });
      continue;
    }
    counts.served += 1;
    if (answers.get(found.storeKey) !== answer) counts.wrong += 1;
  }
  return { ...counts, match };
}

/** Each trigram adds one to a dimension its hash names, with a sign that it names too, so that collisions cancel out. */
const trigrams: Embedder = {
  async embed(text) {
    const vector = new Array<number>(DIMENSIONS).fill(0);
    const padded = `  ${text.toLowerCase()}  `;
    for (let at = 0; at + 3 <= padded.length; at++) {
      const digest = Number.parseInt(hash("sha1", padded.slice(at, at + 3), "hex").slice(0, 8), 16);
      const dimension = (digest >>> 1) % DIMENSIONS;
      vector[dimension] = (vector[dimension] ?? 0) + (digest & 1 ? 1 : -1);
    }
    return vector;
  },
};

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const left = [...values];
  for (let at = left.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [left[at], left[other]] = [left[other] as T, left[at] as T];
  }
  return left;
}
