// What the guard must not forget about a data set: the looks at its holdout, and what earlier tuning runs showed. One file per data
// set, replaced as a whole; whoever changes it waits for whoever came before.
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { FailedPreconditionError, type Random } from "@chimera/kernel";
import { z } from "zod";
import { HoldoutMeter, type Sign } from "../guard/index.ts";

/** Runs whose outcome is kept, the newest. */
const MAX_RUNS = 50;
const MAX_SIGNS = 40;
/** Looks that are known again, the newest; more than any budget that is usual. */
const MAX_SEEN = 200;

const signSchema = z.object({
  name: z.string(),
  /** Null where unknown. */
  value: z.number().nullable(),
  n: z.number(),
  rule: z.string(),
  state: z.enum(["unknown", "ok", "watch", "alarm"]),
  mitigation: z.string(),
});

const pageSchema = z.object({
  version: z.literal(1),
  /** State of the holdout meter, which checks it itself; null before the first look. */
  meter: z.unknown(),
  /** Of the latest run that came to the guard. */
  signs: z.array(signSchema).max(MAX_SIGNS),
  /** Quality on fresh validation items and on the holdout, by run that looked, the oldest first. */
  runs: z.array(z.object({ validation: z.number(), holdout: z.number(), standardError: z.number() })).max(MAX_RUNS),
  /** Evaluations and comparisons that looked, the oldest first; a file of before they were counted has none. */
  seen: z
    .array(z.object({ settings: z.string(), modelVersion: z.string() }))
    .max(MAX_SEEN)
    .default([]),
});

export interface GuardPage {
  meter: unknown;
  signs: readonly Sign[];
  runs: readonly GuardedRun[];
  seen: readonly SeenLook[];
}

export interface SeenLook {
  /** Hash of items and settings. */
  settings: string;
  /** What answered; empty until that is known. */
  modelVersion: string;
}

export interface GuardedRun {
  validation: number;
  holdout: number;
  /** Of the holdout score. */
  standardError: number;
}

const EMPTY: GuardPage = { meter: null, signs: [], runs: [], seen: [] };

export class GuardBook {
  readonly #folder: string;
  /** The last change of each data set, for the next one to wait for; data sets are few. */
  readonly #changes = new Map<string, Promise<unknown>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Throws FailedPreconditionError where the file can not be read: a budget must not start anew because of that. */
  async read(dataset: string): Promise<GuardPage> {
    const path = this.#pathOf(dataset);
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text === undefined) return EMPTY;
    const parsed = pageSchema.safeParse(parsedJson(text));
    if (!parsed.success) throw new FailedPreconditionError(`${path} can not be read: ${parsed.error.message}`);
    const { meter, runs, signs, seen } = parsed.data;
    return { meter, runs, seen, signs: signs.map((sign) => ({ ...sign, value: sign.value ?? Number.NaN })) };
  }

  /** Alone with the page of the data set; what `change` gives as page is on disk before its result is told. */
  async change<T>(dataset: string, change: (page: GuardPage) => { page: GuardPage; result: T }): Promise<T> {
    const before = this.#changes.get(dataset) ?? Promise.resolve();
    const changing = before.then(async () => {
      const { page, result } = change(await this.read(dataset));
      await this.#write(dataset, page);
      return result;
    });
    // Who comes next waits for the end of this one, not for its success.
    this.#changes.set(
      dataset,
      changing.catch(() => undefined),
    );
    return changing;
  }

  async #write(dataset: string, { meter, signs, runs, seen }: GuardPage): Promise<void> {
    const page = {
      version: 1,
      meter,
      signs: signs
        .slice(0, MAX_SIGNS)
        .map((sign) => ({ ...sign, value: Number.isNaN(sign.value) ? null : sign.value })),
      runs: runs.slice(-MAX_RUNS),
      seen: seen.slice(-MAX_SEEN),
    };
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeWhole(this.#pathOf(dataset), `${JSON.stringify(page)}\n`);
  }

  #pathOf(dataset: string): string {
    return join(this.#folder, `${dataset}.json`);
  }
}

export interface Metering {
  /** Looks that a holdout is good for. */
  looks: number;
  random: Random;
  /** Content hash, to which the budget belongs. */
  holdout: { hash: string };
}

/** A fresh budget where the holdout has other items than at the last look. */
export function meterOf({ meter }: GuardPage, { holdout, looks: budget, random }: Metering): HoldoutMeter {
  const isKnown = typeof meter === "object" && meter !== null && "holdout" in meter && meter.holdout === holdout.hash;
  if (!isKnown) return HoldoutMeter.fresh({ holdout: holdout.hash, budget }, random);
  return HoldoutMeter.from({ ...meter, budget }, { holdout: holdout.hash, random });
}

/** Either the old content or the new one is there, whatever happens, and the new one once this resolves. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, "w");
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
