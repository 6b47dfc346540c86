// A mesh in a few lines: settings that services take at once, requests whose times depend on them, and a clock that only moves when
// the loop sleeps.
import type { WarmUp } from "@chimera/contracts/cache";
import { type Clock, type Random, seededRandom } from "@chimera/kernel";
import type { Act, Applying } from "../act/act.ts";
import { Ledger } from "../ledger/ledger.ts";
import type { Json } from "../ledger/record.ts";
import { Loop } from "../loop/loop.ts";
import { trafficOf } from "../loop/traffic.ts";
import type { Recommendation } from "../remedy/recommendations.ts";
import { GUARDRAILS } from "../remedy/remedy.ts";
import { RequestRing, type RequestSample } from "../window/request-ring.ts";
import { START_MS } from "./events.ts";
import { MemoryLog } from "./memory-log.ts";
import { predictionOf } from "./predictions.ts";

export interface Behaviour {
  ttftMs: number;
  failedShare: number;
  hitRatio: number;
}

export interface World {
  readonly off: Behaviour;
  readonly on: Behaviour;
  readonly requestsPerS: number;
  readonly seed: number;
}

const CALM: Behaviour = { ttftMs: 100, failedShare: 0, hitRatio: 0.5 };
const TICK_MS = 1000;
/** Of each trial: ten pairs. */
const BLOCK_MS = 20_000;

export function world(
  fields: Partial<Omit<World, "on" | "off">> & { on?: Partial<Behaviour>; off?: Partial<Behaviour> } = {},
): World {
  const off = { ...CALM, ...fields.off };
  return { requestsPerS: 5, seed: 1, ...fields, off, on: { ...off, ...fields.on } };
}

/** Outlives the processes of insight that change it. */
export class SimulatedMesh implements Act, Clock {
  readonly world: World;
  readonly log = new MemoryLog();
  readonly ring = new RequestRing(200_000);
  readonly random: Random;
  warmed: WarmUp[] = [];
  isOn = false;
  version = 0;
  #nowMs = START_MS;
  /** Calls of insight that change or store something; the one with this number kills it. */
  #calls = 0;
  dieAt = Number.POSITIVE_INFINITY;

  constructor(of: World) {
    this.world = of;
    this.random = seededRandom(of.seed);
    this.pass(300_000);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  refusal(): undefined {
    return undefined;
  }

  async undoOf(): Promise<Json> {
    return { version: this.version };
  }

  async apply({ change, isForGood }: Applying): Promise<number> {
    this.mortal();
    if (change.kind === "warm" && isForGood) return 0;
    this.#set(true);
    this.mortal();
    return this.version;
  }

  async undo(): Promise<number> {
    this.mortal();
    this.#set(false);
    this.mortal();
    return this.version;
  }

  async warmUps(): Promise<readonly WarmUp[]> {
    return this.warmed;
  }

  /** What a process sees; each has a memory of its own, and dies alone. */
  process(): Process {
    return new Process(this);
  }

  /** Time with its requests. */
  pass(ms: number): void {
    const endMs = this.#nowMs + ms;
    while (this.#nowMs < endMs) {
      const stepMs = Math.min(TICK_MS, endMs - this.#nowMs);
      const count = (this.world.requestsPerS * stepMs) / 1000;
      for (let i = 0; i < count; i += 1) this.ring.push(this.#request(this.#nowMs + (i * stepMs) / count));
      this.#nowMs += stepMs;
    }
  }

  mortal(): void {
    this.#calls += 1;
    if (this.#calls === this.dieAt) throw new Died();
  }

  get calls(): number {
    return this.#calls;
  }

  #set(isOn: boolean): void {
    if (this.isOn !== isOn) this.version += 1;
    this.isOn = isOn;
  }

  #request(arrivedMs: number): RequestSample {
    const { ttftMs, failedShare, hitRatio } = this.isOn ? this.world.on : this.world.off;
    const isFailed = this.random() < failedShare;
    const time = ttftMs * (0.5 + this.random());
    return {
      arrivedMs,
      ttftMs: isFailed ? undefined : time,
      turnMs: time,
      queueMs: 0,
      completionTokens: 10,
      cache: this.random() < hitRatio ? "hit" : "miss",
      status: isFailed ? "UNAVAILABLE" : "OK",
      refused: false,
      arm: "",
      settingsVersion: this.version,
    };
  }
}

/** The process is gone: nothing that it was doing goes on. */
export class Died extends Error {
  override readonly name = "Died";
}

export class Process {
  readonly ledger: Ledger;
  readonly loop: Loop;
  /** Resolves when it died. */
  readonly dead = Promise.withResolvers<"dead">();

  constructor(mesh: SimulatedMesh) {
    const never = new Promise<never>(() => undefined);
    let isDead = false;
    // Whoever died says nothing any more: its calls never return.
    const mortal = async <T>(call: () => Promise<T>): Promise<T> => {
      if (isDead) return never;
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof Died)) throw error;
        isDead = true;
        this.dead.resolve("dead");
        return never;
      }
    };
    const { log } = mesh;
    this.ledger = new Ledger({
      log: {
        read: (after) => log.read(after),
        lastSequence: () => mortal(() => log.lastSequence()),
        append: (payload, after) =>
          mortal(async () => {
            mesh.mortal();
            await log.append(payload, after);
            mesh.mortal();
          }),
      },
      clock: mesh,
      logger: { warn: () => undefined },
    });
    this.loop = new Loop({
      ledger: this.ledger,
      act: {
        refusal: () => mesh.refusal(),
        undoOf: () => mortal(() => mesh.undoOf()),
        apply: (order) => mortal(() => mesh.apply(order)),
        undo: () => mortal(() => mesh.undo()),
        warmUps: () => mortal(() => mesh.warmUps()),
      },
      traffic: trafficOf(mesh.ring),
      caughtUp: async () => undefined,
      clock: mesh,
      sleep: (ms, signal) =>
        mortal(async () => {
          signal.throwIfAborted();
          mesh.pass(ms);
        }),
      logger: { warn: () => undefined },
    });
    this.loop.resume();
  }
}

/** Less time to first token, promised by 30 %, proved by ten pairs of blocks. */
export function blockRecommendation(mesh: Clock, id = "p-1"): Recommendation {
  const madeAtMs = mesh.nowMs();
  const window = { fromMs: madeAtMs - 300_000, toMs: madeAtMs };
  return {
    kind: "gain expected",
    remedy: "cache-policy",
    title: "Change what the cache keeps",
    predictions: [
      predictionOf(id, { madeAtMs, remedy: "cache-policy", baseline: { value: 100, n: 1500, window } }),
      predictionOf(`${id}-hits`, { madeAtMs, metric: "hit_ratio", baseline: { value: 0.5, n: 1500, window } }),
    ],
    change: { kind: "settings", settings: { cache: { policy: "lru" } } },
    undo: { kind: "previous settings" },
    proof: {
      kind: "blocks",
      metric: "ttft_p50_ms",
      share: 0.5,
      blockMs: BLOCK_MS,
      maxLengthMs: 20 * BLOCK_MS,
      minN: 100,
      guardrails: GUARDRAILS,
    },
    costShare: 0.02,
    gainPerCost: 1,
  };
}
