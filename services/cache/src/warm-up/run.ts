// One warm-up from the log to stored answers: read, plan, put back what was pruned, have the rest made, warm prefixes.
import { WarmPhase } from "@chimera/contracts/cache";
import type { EventBus } from "@chimera/events";
import { ChimeraError, type Clock, type Random } from "@chimera/kernel";
import type { Entry } from "../index/entry.ts";
import { inSlices } from "../slices.ts";
import { type AskedKey, Demand } from "./demand.ts";
import { forecastOf } from "./forecast.ts";
import { generateAnswers } from "./generating.ts";
import { loggedText } from "./logged-text.ts";
import type { Generate } from "./make-answer.ts";
import type { WarmOrder } from "./order.ts";
import { type Candidate, type Plan, planOf, type Way } from "./plan.ts";
import type { Progress } from "./progress.ts";
import { type SharedPrefix, sharedPrefixes } from "./shared-prefixes.ts";
import { TokenBudget } from "./token-budget.ts";
import type { WarmingKeys } from "./warming-keys.ts";

/** Answers that were taken out of the cache and can be put back, by "tenant:" and at least 16 digits of the hash. */
export interface RestorableAnswers {
  has(storeKeyPrefix: string): boolean;
  restore(storeKeyPrefix: string): Promise<boolean>;
}

/** What a warm-up works with. */
export interface WarmTools {
  bus: Pick<EventBus, "replay" | "eventAt">;
  index: { entries(): Iterable<Entry>; get(storeKey: string): Entry | undefined };
  restorable: RestorableAnswers;
  generate: Generate;
  /** False: the router would take no request for that tenant. */
  hasCredential(tenant: string): boolean;
  /** Has a prefix computed at every replica of its model; resolves to how many had to. */
  warmPrefix(prefix: SharedPrefix, signal: AbortSignal): Promise<number>;
  warming: WarmingKeys;
  clock: Clock;
  random: Random;
  /** Between two tries at a router that is full. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What a run leaves behind for the measurement: first 16 hex digits of keys. */
export interface WarmResult {
  treated: readonly string[];
  control: readonly string[];
  stored: readonly string[];
}

export interface WarmRunOptions {
  order: WarmOrder;
  tools: WarmTools;
  progress: Progress;
  signal: AbortSignal;
}

/** Events between two looks at the progress. */
const EVENTS_PER_LOOK = 1000;
const PREFIX_DIGITS = 16;

export class WarmRun {
  readonly #options: WarmRunOptions;
  #plan: Plan | undefined;
  #reached = new Set<Candidate>();
  readonly #stored: string[] = [];
  readonly #notes: string[] = [];

  constructor(options: WarmRunOptions) {
    this.#options = options;
  }

  /** Resolves when it is through. Throws the signal's reason, or UnavailableError where the log can not be read. */
  async run(): Promise<void> {
    const { order, progress } = this.#options;
    progress.set({ phase: WarmPhase.READING, tokenBudget: BigInt(order.tokenBudget), text: "reading the request log" });
    const demand = await this.#read();
    const plan = await this.#makePlan(demand);
    if (!order.isDryRun) {
      await this.#restore(plan);
      await this.#generate(plan);
      if (order.prefixes > 0) await this.#warmPrefixes(demand);
    }
    progress.set({ phase: WarmPhase.DONE, text: this.#closing() });
  }

  /** What was done so far, also where it ended early. Who was left cold counts only among those that had their turn. */
  get result(): WarmResult {
    const treated = [...this.#reached];
    const lastRank = Math.max(-1, ...treated.map(({ rank }) => rank));
    const isThrough = treated.length === this.#plan?.treated.length;
    const control = (this.#plan?.control ?? []).filter(({ rank }) => isThrough || rank < lastRank);
    return { treated: treated.map(keyOf), control: control.map(keyOf), stored: this.#stored };
  }

  async #read(): Promise<Demand> {
    const { order, tools, progress, signal } = this.#options;
    const nowMs = tools.clock.nowMs();
    const { tenants, model } = order;
    const demand = new Demand({ random: tools.random, tenants, model });
    const tell = () => progress.set({ requestsRead: BigInt(demand.requests) });
    await tools.bus.replay({
      kind: "requestFinished",
      sinceMs: nowMs - order.windowMs,
      signal,
      handle: (event) => {
        demand.take(event);
        if (demand.requests % EVENTS_PER_LOOK === 0) tell();
      },
    });
    tell();
    if (demand.droppedKeys > 0) {
      this.#notes.push(`${demand.droppedRequests} requests for ${demand.droppedKeys} rare questions were left out`);
    }
    return demand;
  }

  async #makePlan(demand: Demand): Promise<Plan> {
    const { order, tools, progress } = this.#options;
    const { halfLifeMs, measureForMs: horizonMs, tokenBudget, maxAnswers, controlShare } = order;
    const forecast = forecastOf(demand, { halfLifeMs, horizonMs });
    const resident = await this.#residents();
    const withoutCredential = new Map<string, number>();
    const wayOf = (asked: AskedKey): Way | undefined => {
      if (tools.restorable.has(nameOf(asked))) return "restore";
      if (asked.textAt === 0 || tokenBudget === 0) return undefined;
      if (tools.hasCredential(asked.tenant)) return "generate";
      withoutCredential.set(asked.tenant, (withoutCredential.get(asked.tenant) ?? 0) + 1);
      return undefined;
    };
    const isResident = (asked: AskedKey) => resident.has(nameOf(asked));
    const salt = progress.state.runId;
    const plan = planOf(demand, { forecast, controlShare, salt, tokenBudget, maxAnswers, wayOf, isResident });
    const failed = [...withoutCredential.values()].reduce((sum, count) => sum + count, 0);
    if (failed > 0) this.#notes.push(`no credential for ${[...withoutCredential.keys()].join(", ")}`);
    if (forecast.fittedOn === 0) this.#notes.push("the log is too short to check the forecast on");
    this.#plan = plan;
    const { candidates, predictedHitGainPp } = plan;
    const counts = { candidates, control: plan.control.length, resident: plan.resident, failed };
    progress.set({ ...counts, withoutText: plan.withoutText - failed, predictedHitGainPp });
    return plan;
  }

  /** "tenant:" and the first digits of the hash of what is stored and fresh. */
  async #residents(): Promise<ReadonlySet<string>> {
    const { tools, signal } = this.#options;
    const { clock, index } = tools;
    const nowMs = clock.nowMs();
    const names = new Set<string>();
    const visit = ({ key, tenant, freshUntilMs }: Entry) => {
      if (freshUntilMs > nowMs) names.add(key.slice(0, tenant.length + 1 + PREFIX_DIGITS));
    };
    await inSlices(index.entries(), visit, { clock, signal });
    return names;
  }

  async #restore({ treated }: Plan): Promise<void> {
    const { tools, progress, signal } = this.#options;
    const pruned = treated.filter(({ way }) => way === "restore");
    if (pruned.length === 0) return;
    progress.set({ phase: WarmPhase.RESTORING, text: `putting ${pruned.length} pruned answers back` });
    for (const candidate of pruned) {
      signal.throwIfAborted();
      this.#reached.add(candidate);
      const isBack = await tools.restorable.restore(nameOf(candidate.asked));
      progress.add(isBack ? "restored" : "failed");
      if (isBack) this.#stored.push(keyOf(candidate));
    }
  }

  async #generate({ treated }: Plan): Promise<void> {
    const { order, tools, progress, signal } = this.#options;
    const candidates = treated.filter(({ way }) => way === "generate");
    if (candidates.length === 0) return;
    progress.set({ phase: WarmPhase.GENERATING, text: `having ${candidates.length} answers made` });
    const { ended, failures } = await generateAnswers({
      ...tools,
      candidates,
      concurrency: order.concurrency,
      budget: new TokenBudget(order.tokenBudget),
      textAt: (sequence) => loggedText(tools.bus, sequence),
      isResident: (storeKey) => (tools.index.get(storeKey)?.freshUntilMs ?? 0) > tools.clock.nowMs(),
      onBegun: (candidate) => void this.#reached.add(candidate),
      onStored: (candidate) => void this.#stored.push(keyOf(candidate)),
      progress,
      signal,
    });
    if (ended !== "") this.#notes.push(ended);
    for (const [why, count] of failures) this.#notes.push(`${count} failed: ${why}`);
  }

  async #warmPrefixes(demand: Demand): Promise<void> {
    const { order, tools, progress, signal } = this.#options;
    progress.set({ phase: WarmPhase.PREFIXES, text: "computing shared beginnings of prompts" });
    const sample = [];
    for (const sequence of demand.textSamples) {
      signal.throwIfAborted();
      const text = await loggedText(tools.bus, sequence);
      if (text !== undefined) sample.push(text.input);
    }
    for (const prefix of sharedPrefixes(sample, order.prefixes)) {
      try {
        progress.add("prefixesWarmed", await tools.warmPrefix(prefix, signal));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ChimeraError)) throw error;
        this.#notes.push(`a prefix was not computed: ${error.message}`);
      }
    }
  }

  #closing(): string {
    const { order } = this.#options;
    return [order.isDryRun ? "nothing was changed" : "done", ...this.#notes].join("; ");
  }
}

function keyOf({ asked }: Candidate): string {
  return asked.key;
}

function nameOf({ tenant, key }: AskedKey): string {
  return `${tenant}:${key}`;
}
