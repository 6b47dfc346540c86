// JSON answers, field by field: which paths of the target the answer gets right.
import { isDeepStrictEqual } from "node:util";
import { FailedPreconditionError } from "@chimera/kernel";
import { z } from "zod";
import { ItemMean } from "./item-mean.ts";
import type { Answered, ScoreReport, Scorer } from "./scorer.ts";

const MAX_PATHS = 64;
/** Fields of one target where no paths are named. */
const MAX_LEAVES = 1000;

export const jsonFieldsParameters = z.strictObject({
  paths: z
    .array(z.string().min(1).max(200))
    .max(MAX_PATHS)
    .default([])
    .describe('what is compared, for example "order.items.0.sku"; without any, every leaf of the target'),
});

const FENCE = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/;

export class JsonFields implements Scorer {
  readonly #paths: readonly string[];
  readonly #match = new ItemMean("json_field_match");
  readonly #whole = new ItemMean("json_all_fields", { isBinary: true });
  readonly #valid = new ItemMean("json_valid", { isBinary: true });
  readonly #perPath: ReadonlyMap<string, ItemMean>;

  constructor({ paths }: z.infer<typeof jsonFieldsParameters>) {
    this.#paths = paths;
    this.#perPath = new Map(paths.map((path) => [path, new ItemMean(`json_field:${path}`, { isBinary: true })]));
  }

  add({ targets, answer, cluster }: Answered): number {
    const wanted = parsed(targets[0] ?? "");
    if (wanted === undefined)
      throw new FailedPreconditionError("a target is no JSON, so its fields can not be compared");
    const given = parsed(FENCE.exec(answer)?.[1] ?? answer);
    const paths = this.#paths.length > 0 ? this.#paths.map((path) => path.split(".")) : leaves(wanted.value);
    const hits = paths.map(
      (path) => given !== undefined && isDeepStrictEqual(valueAt(given.value, path), valueAt(wanted.value, path)),
    );
    const share = hits.length === 0 ? 1 : hits.filter(Boolean).length / hits.length;
    this.#valid.add(given === undefined ? 0 : 1, cluster);
    this.#match.add(share, cluster);
    this.#whole.add(share === 1 ? 1 : 0, cluster);
    for (const [i, path] of this.#paths.entries()) this.#perPath.get(path)?.add(hits[i] ? 1 : 0, cluster);
    return share;
  }

  report(): ScoreReport {
    const perPath = [...this.#perPath.values()].map((mean) => mean.figure());
    return { figures: [this.#match.figure(), this.#whole.figure(), this.#valid.figure(), ...perPath] };
  }
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

function leaves(value: unknown): string[][] {
  const found: string[][] = [];
  // The last one first, so that the order of the fields stays.
  const open: { value: unknown; path: string[] }[] = [{ value, path: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value: at, path } = next;
    const entries = typeof at === "object" && at !== null ? Object.entries(at) : [];
    if (entries.length === 0) found.push(path);
    for (const [key, inner] of entries.toReversed()) open.push({ value: inner, path: [...path, key] });
    if (found.length + open.length > MAX_LEAVES) {
      throw new FailedPreconditionError(`a target has more than ${MAX_LEAVES} fields; name the paths to compare`);
    }
  }
  return found;
}
