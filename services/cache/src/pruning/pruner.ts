// Takes out what is not worth its room, says before what that will cost, and can put it back. Works in slices: no lookup waits
// for more than one of them. One prune at a time.
import { type Clock, FailedPreconditionError, NotFoundError } from "@chimera/kernel";
import { type Answers, MAX_UNWRITTEN } from "../answers.ts";
import type { Entry } from "../index/entry.ts";
import type { EntryIndex } from "../index/entry-index.ts";
import { inSlices } from "../slices.ts";
import type { ByteStore } from "../store/store.ts";
import { bytesToRemove, fitsCriteria, type PruneCriteria } from "./criteria.ts";
import { UNDO_MS } from "./undo-area.ts";
import { expectedHitRate, type Totals, worthOf } from "./worth.ts";
import { bucketOf, type Cut, WorthHistogram } from "./worth-histogram.ts";

export interface PrunerOptions {
  answers: Answers;
  index: Pick<EntryIndex, "entries" | "bytes" | "capacityBytes">;
  /** Marks that outlive a restart; without them an undo does not, and what was pruned may come back then. */
  marks: Pick<ByteStore, "markPruned" | "unmark">;
  clock: Clock;
}

export interface PruneResult {
  /** Empty for a dry run, and where nothing was taken out. */
  pruneId: string;
  entries: number;
  bytes: number;
  /** Expected loss of hits, in percentage points of all lookups. */
  forecastLossPp: number;
  undoBytes: number;
}

export interface UndoResult {
  restored: number;
  lost: number;
}

/** What will be done, found out before anything is. */
interface Plan {
  criteria: PruneCriteria;
  nowMs: number;
  totals: Totals;
  /** What leaves: the part of what fits that is worth least. */
  removed: Cut;
  /** The part of that which is worth least, and has no room in the undo area. */
  deleted: Cut;
  /** Hits per millisecond that all entries together are expected to get. */
  expectedHits: number;
}

interface Tally {
  entries: number;
  bytes: number;
  expectedHits: number;
  undoBytes: number;
}

export class Pruner {
  readonly #options: PrunerOptions;
  #isBusy = false;

  constructor(options: PrunerOptions) {
    this.#options = options;
  }

  /** Throws FailedPreconditionError while another one, or an undo, is under way. */
  prune(criteria: PruneCriteria, { dryRun }: { dryRun: boolean }): Promise<PruneResult> {
    return this.#alone(async () => {
      const plan = await this.#plan(criteria);
      if (!dryRun) await this.#emptyUndo(plan.nowMs);
      const tally = dryRun ? await this.#count(plan) : await this.#carryOut(plan);
      const { entries, bytes, undoBytes } = tally;
      const pruneId = dryRun || entries === 0 ? "" : pruneIdOf(plan.nowMs);
      return { pruneId, entries, bytes, undoBytes, forecastLossPp: this.#lossPp(plan, tally) };
    });
  }

  /** Throws NotFoundError where that prune can not be undone any more. */
  undo(pruneId: string): Promise<UndoResult> {
    return this.#alone(async () => {
      const { undo } = this.#options.answers;
      await this.#emptyOverdueUndo();
      if (undo.added === 0 || pruneIdOf(undo.prunedAtMs) !== pruneId) {
        throw new NotFoundError(`there is no prune "${pruneId}" to undo: only the last one can be undone, for an hour`);
      }
      const { added } = undo;
      const restored = await this.#putAllBack();
      undo.begin(Number.NEGATIVE_INFINITY);
      return { restored, lost: added - restored };
    });
  }

  /** One answer of the undo area, by "tenant:" and at least 16 digits of its hash; false where it is not there or has no room. */
  async restore(keyPrefix: string): Promise<boolean> {
    const { answers, marks } = this.#options;
    const parked = answers.undo.find(keyPrefix);
    if (parked === undefined || !answers.unpark(parked)) return false;
    answers.undo.take(parked.key);
    await marks.unmark([parked.key]).catch(() => undefined);
    return true;
  }

  /** Deletes what nobody undid in time; to be called now and then. */
  async expire(): Promise<void> {
    if (!this.#isBusy) await this.#alone(() => this.#emptyOverdueUndo());
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) throw new FailedPreconditionError("a prune or an undo is under way: wait for its end");
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      this.#isBusy = false;
    }
  }

  async #plan(criteria: PruneCriteria): Promise<Plan> {
    const { answers, index, clock } = this.#options;
    const nowMs = Math.floor(clock.nowMs());
    const totals: Totals = { hits: 0, ageMs: 0 };
    const sumUp = (entry: Entry) => {
      totals.hits += entry.hits;
      totals.ageMs += Math.max(0, nowMs - entry.storedAtMs);
    };
    await inSlices(index.entries(), sumUp, { clock });
    const fitting = new WorthHistogram();
    let expectedHits = 0;
    const judge = (entry: Entry) => {
      const rate = expectedHitRate(entry, totals, nowMs);
      expectedHits += rate;
      if (fitsCriteria(criteria, entry, nowMs)) fitting.add(bucketOf(worthOf(entry, rate)), entry.bytes);
    };
    await inSlices(index.entries(), judge, { clock });
    const bytes = Math.min(bytesToRemove(criteria, index), fitting.bytes);
    const removed = fitting.lowest(bytes);
    const deleted = fitting.lowest(Math.max(0, bytes - answers.undo.maxBytes));
    return { criteria, nowMs, totals, removed, deleted, expectedHits };
  }

  /** Calls for each entry that leaves, the same ones each time as long as nothing changes. */
  #leaving(
    plan: Plan,
    leave: (entry: Entry, isDeleted: boolean) => boolean,
  ): { tally: Tally; visit(entry: Entry): void } {
    const { criteria, nowMs, totals } = plan;
    const tally: Tally = { entries: 0, bytes: 0, expectedHits: 0, undoBytes: 0 };
    const isRemoved = within(plan.removed);
    const isDeleted = within(plan.deleted);
    const { maxBytes } = this.#options.answers.undo;
    const visit = (entry: Entry) => {
      if (!fitsCriteria(criteria, entry, nowMs)) return;
      const rate = expectedHitRate(entry, totals, nowMs);
      const bucket = bucketOf(worthOf(entry, rate));
      if (!isRemoved(bucket, entry.bytes)) return;
      const hasNoUndo = isDeleted(bucket, entry.bytes) || tally.undoBytes + entry.bytes > maxBytes;
      if (!leave(entry, hasNoUndo)) return;
      tally.entries += 1;
      tally.bytes += entry.bytes;
      tally.expectedHits += rate;
      if (!hasNoUndo) tally.undoBytes += entry.bytes;
    };
    return { tally, visit };
  }

  async #count(plan: Plan): Promise<Tally> {
    const { index, clock } = this.#options;
    const { tally, visit } = this.#leaving(plan, () => true);
    await inSlices(index.entries(), visit, { clock });
    return tally;
  }

  async #carryOut(plan: Plan): Promise<Tally> {
    const { answers, index, marks, clock } = this.#options;
    let parked: string[] = [];
    let unwritten = 0;
    const { tally, visit } = this.#leaving(plan, (entry, isDeleted) => {
      if (isDeleted) {
        unwritten += 1;
        return answers.drop(entry, "pruned");
      }
      const isParked = answers.park(entry);
      if (isParked) parked.push(entry.key);
      return isParked;
    });
    const afterSlice = async () => {
      // A mark that could not be written costs an undo after a restart, where the entry simply comes back.
      if (parked.length > 0) await marks.markPruned(parked, plan.nowMs).catch(() => undefined);
      parked = [];
      if (unwritten >= MAX_UNWRITTEN) await answers.written();
      if (unwritten >= MAX_UNWRITTEN) unwritten = 0;
    };
    await inSlices(index.entries(), visit, { clock, afterSlice });
    return tally;
  }

  async #putAllBack(): Promise<number> {
    const { answers, marks, clock } = this.#options;
    let restored = 0;
    let back: string[] = [];
    const visit = (parked: Entry) => {
      answers.undo.take(parked.key);
      if (!answers.unpark(parked)) return answers.deleteParked(parked);
      restored += 1;
      back.push(parked.key);
    };
    const afterSlice = async () => {
      if (back.length > 0) await marks.unmark(back).catch(() => undefined);
      back = [];
    };
    await inSlices(answers.undo.values(), visit, { clock, afterSlice });
    return restored;
  }

  async #emptyOverdueUndo(): Promise<void> {
    const { answers, clock } = this.#options;
    if (clock.nowMs() - answers.undo.prunedAtMs >= UNDO_MS) await this.#emptyUndo(Number.NEGATIVE_INFINITY);
  }

  async #emptyUndo(prunedAtMs: number): Promise<void> {
    const { answers, clock } = this.#options;
    const left = answers.undo.begin(prunedAtMs);
    await inSlices(left, (parked) => answers.deleteParked(parked), { clock, afterSlice: () => answers.written() });
  }

  /** Of the hits there are now, the share that the leaving entries were expected to get. */
  #lossPp({ expectedHits }: Plan, leaving: Tally): number {
    const { hits, lookups } = this.#options.answers.traffic.recent();
    return expectedHits === 0 || lookups === 0 ? 0 : ((100 * hits) / lookups) * (leaving.expectedHits / expectedHits);
  }
}

/** Says of one entry after the other whether it is within the cut. */
function within({ bucket: last, bytesOfBucket }: Cut): (bucket: number, bytes: number) => boolean {
  let left = bytesOfBucket;
  return (bucket, bytes) => {
    if (bucket !== last) return bucket < last;
    if (left <= 0) return false;
    left -= bytes;
    return true;
  };
}

/** Made from its time, so that it is the same after a restart. */
function pruneIdOf(prunedAtMs: number): string {
  return `prune-${prunedAtMs}`;
}
