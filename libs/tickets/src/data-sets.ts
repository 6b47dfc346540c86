// Draws the five committed data sets. A ticket's split follows from a hash of its cluster, so near duplicates stay
// together and no text is in two splits, whatever is added later.
import { createHash } from "node:crypto";
import { type Random, seededRandom } from "@chimera/kernel";
import { drawJargon, type JargonMap, mislabel, writeTicket } from "./generator.ts";
import { SPLITS, type Split, type Ticket, targetText } from "./ticket.ts";

export interface SplitPlan {
  tenants: readonly string[];
  ticketsPerTenant: number;
  // Share of tickets that speak in the tenant's own words.
  jargonShare: number;
  seed: number;
  // The split's part of the hash space, from low (inclusive) to high.
  low: number;
  high: number;
}

// The tenants that are served and scored.
export const TENANTS: readonly string[] = [
  ..."aster birch cedar dahlia elm fern".split(" "),
  ..."ginkgo hazel iris juniper laurel maple".split(" "),
  ..."nettle olive poplar rowan".split(" "),
];
// Other tenants, with other meanings: what is learned from the training split cannot be a scored tenant's jargon.
const TRAINING_TENANTS = Array.from({ length: 60 }, (_, i) => `training-${String(i + 1).padStart(2, "0")}`);

// The scored tenants may say anything; training tenants keep to what the model may learn.
const REPERTOIRES: Readonly<Record<Split, "trained" | "all">> = {
  train: "trained",
  history: "all",
  validation: "all",
  holdout: "all",
  vault: "all",
};

export const LABEL_NOISE = 0.03;
const JARGON_WORDS_PER_TENANT = 4;
const JARGON_SEED = 900_100;
// A cluster lands in the right split at least once in seven draws; this many misses in a row mean a broken plan.
const MAX_DRAWS_PER_TICKET = 1000;

export const SPLIT_PLANS: Readonly<Record<Split, SplitPlan>> = {
  train: { tenants: TRAINING_TENANTS, ticketsPerTenant: 20, jargonShare: 0.4, seed: 900_201, low: 0, high: 0.4 },
  history: { tenants: TENANTS, ticketsPerTenant: 32, jargonShare: 0.4, seed: 900_302, low: 0.4, high: 0.55 },
  validation: { tenants: TENANTS, ticketsPerTenant: 30, jargonShare: 0.16, seed: 900_403, low: 0.55, high: 0.7 },
  holdout: { tenants: TENANTS, ticketsPerTenant: 60, jargonShare: 0.16, seed: 900_504, low: 0.7, high: 0.85 },
  vault: { tenants: TENANTS, ticketsPerTenant: 60, jargonShare: 0.16, seed: 900_605, low: 0.85, high: 1 },
};

export function clusterOf(skeleton: string): string {
  return createHash("sha256").update(skeleton).digest("hex").slice(0, 12);
}

export function splitOf(cluster: string): Split {
  const place = Number.parseInt(cluster.slice(0, 8), 16) / 2 ** 32;
  const split = SPLITS.find((name) => place >= SPLIT_PLANS[name].low && place < SPLIT_PLANS[name].high);
  if (split === undefined) throw new RangeError(`no split holds cluster ${cluster}`);
  return split;
}

/** What each tenant means by its own words: the same in every split. */
export function jargonOf(tenant: string): JargonMap {
  const random = seededRandom(JARGON_SEED + textSeed(tenant));
  return drawJargon(random, JARGON_WORDS_PER_TENANT, TENANTS.includes(tenant) ? "all" : "trained");
}

/** The whole split, in file order. A tenant's own words take turns, so that its history explains each of them. */
export function drawSplit(split: Split): Ticket[] {
  const plan = SPLIT_PLANS[split];
  const random = seededRandom(plan.seed);
  return plan.tenants.flatMap((tenant) => drawTenant(random, split, tenant));
}

function drawTenant(random: Random, split: Split, tenant: string): Ticket[] {
  const { ticketsPerTenant, jargonShare } = SPLIT_PLANS[split];
  const words = [...jargonOf(tenant)];
  const tickets = new Map<string, Ticket>();
  for (let draws = 0; tickets.size < ticketsPerTenant; draws++) {
    if (draws > ticketsPerTenant * MAX_DRAWS_PER_TICKET) throw new RangeError(`the ${split} split can not be filled`);
    const word = words[Math.floor(tickets.size * jargonShare) % words.length];
    const jargon = word && isJargonTurn(tickets.size, jargonShare) ? new Map([word]) : undefined;
    const written = writeTicket(random, { repertoire: REPERTOIRES[split], ...(jargon && { jargon }) });
    const cluster = clusterOf(written.skeleton);
    if (splitOf(cluster) !== split || tickets.has(written.text)) continue;
    const labels = mislabel(random, written, LABEL_NOISE);
    const id = `${split}-${tenant}-${String(tickets.size + 1).padStart(3, "0")}`;
    tickets.set(written.text, toTicket({ id, input: written.text, tenant, cluster, split, ...labels }));
  }
  return [...tickets.values()];
}

// Spreads a share evenly over the tickets of a tenant, so that it is the same for every tenant and not left to chance.
function isJargonTurn(index: number, share: number): boolean {
  return Math.round((index + 1) * share) > Math.round(index * share);
}

type Unlabelled = Omit<Ticket, "target" | "source">;

/** A ticket with its fields in file order. */
export function toTicket(parts: Unlabelled): Ticket {
  const { id, input, intent, priority, tenant, cluster, split } = parts;
  return { id, input, target: targetText(parts), intent, priority, tenant, cluster, split, source: "synthetic" };
}

function textSeed(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE(0) % 1_000_000;
}
