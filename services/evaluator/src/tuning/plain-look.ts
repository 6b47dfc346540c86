// Evaluations and comparisons on a holdout are looks at it as well. One is counted before anything is asked; the same settings on the
// same items and the same model show nothing new, and count once.
import { FailedPreconditionError } from "@chimera/kernel";
import type { SplitName } from "../dataset/catalogue.ts";
import type { Refusal } from "../guard/index.ts";
import { type GuardBook, type GuardPage, type Metering, meterOf } from "./guard-book.ts";

export interface LookOptions {
  name: SplitName;
  /** Content hash of the whole split, to which the budget belongs. */
  hash: string;
  /** Hash of all that decides what is asked. */
  settings: string;
}

type Budget = Pick<Metering, "looks" | "random"> & { book: GuardBook };

export interface PlainLook {
  /** To be called before any figure is told: another model under the same settings is another look. */
  settle(modelVersion: string): Promise<void>;
}

const FREE: PlainLook = { settle: async () => undefined };

/** Other splits are free. Throws FailedPreconditionError where the looks are spent. */
export async function plainLook(budget: Budget, options: LookOptions): Promise<PlainLook> {
  if (options.name.split !== "holdout") return FREE;
  const { settings } = options;
  await change(budget, options, (page) =>
    page.seen.some((each) => each.settings === settings) ? "seen" : [...page.seen, { settings, modelVersion: "" }],
  );
  return { settle: (modelVersion) => settle(budget, { ...options, modelVersion }) };
}

async function settle(budget: Budget, options: LookOptions & { modelVersion: string }): Promise<void> {
  const { settings, modelVersion } = options;
  if (modelVersion === "") return;
  const known = await budget.book.change(options.name.dataset, (page) => {
    const own = page.seen.filter((each) => each.settings === settings);
    const open = own.find((each) => each.modelVersion === "");
    if (open === undefined) return { page, result: own.some((each) => each.modelVersion === modelVersion) };
    const seen = page.seen.map((each) => (each === open ? { settings, modelVersion } : each));
    return { page: { ...page, seen }, result: true };
  });
  if (!known) await change(budget, options, (page) => [...page.seen, { settings, modelVersion }]);
}

/** Spends a look, unless `seen` says that it was seen before. */
async function change(
  budget: Budget,
  { name, hash }: LookOptions,
  seen: (page: GuardPage) => GuardPage["seen"] | "seen",
): Promise<void> {
  const refusal = await budget.book.change<Refusal | undefined>(name.dataset, (page) => {
    const after = seen(page);
    if (after === "seen") return { page, result: undefined };
    const meter = meterOf(page, { ...budget, holdout: { hash } });
    const refused = meter.spend();
    if (refused !== undefined) return { page, result: refused };
    return { page: { ...page, meter: meter.toJSON(), seen: after }, result: undefined };
  });
  if (refusal === undefined) return;
  const { reason, remedy } = refusal;
  throw new FailedPreconditionError(`${reason}: ${remedy}. The validation split is free to evaluate`);
}
