// A day of traffic in bounded memory: counts and sketches by minute, later by ten minutes, apart for each arm, settings version
// and cache status. Requests belong to the minute they arrived in, however late their event comes.
import { QuantileSketch } from "./quantile-sketch.ts";
import { type CacheVerdict, OTHER_ARM, type RequestSample } from "./request-ring.ts";
import type { Window } from "./window.ts";

export interface TrafficGroup {
  readonly arm: string;
  readonly settingsVersion: number;
  readonly cache: CacheVerdict;
}

export class TrafficCell {
  readonly ttftMs = new QuantileSketch();
  /** Of those that ended OK. */
  readonly turnMs = new QuantileSketch();
  /** Arrivals, whatever became of them. */
  n = 0;
  ok = 0;
  /** Ended neither OK nor CANCELLED. */
  failed = 0;
  refused = 0;
  completionTokens = 0;

  add(sample: RequestSample): void {
    this.n += 1;
    if (sample.status === "OK") {
      this.ok += 1;
      this.turnMs.add(sample.turnMs);
    } else if (sample.status !== "CANCELLED") this.failed += 1;
    if (sample.refused) this.refused += 1;
    if (sample.ttftMs !== undefined) this.ttftMs.add(sample.ttftMs);
    this.completionTokens += sample.completionTokens;
  }

  merge(other: TrafficCell): void {
    this.ttftMs.merge(other.ttftMs);
    this.turnMs.merge(other.turnMs);
    this.n += other.n;
    this.ok += other.ok;
    this.failed += other.failed;
    this.refused += other.refused;
    this.completionTokens += other.completionTokens;
  }
}

/** Of whole minutes: a little more than was asked for. */
export interface TrafficBlock {
  readonly window: Window;
  readonly cells: readonly { readonly group: TrafficGroup; readonly cell: TrafficCell }[];
}

const MINUTE_MS = 60_000;
const COARSE_MS = 10 * MINUTE_MS;
/** Minutes are kept apart for two hours, ten minutes for a day: as long as the stream keeps the events themselves. */
const FINE_MS = 2 * 60 * MINUTE_MS;
const KEPT_MS = 24 * 60 * MINUTE_MS;
/** A clock that is further ahead of the stream's would push out everything that is right. */
const MAX_AHEAD_MS = 10 * MINUTE_MS;
/** Groups of one block; what comes beyond shares OTHER_ARM and version 0. */
const MAX_GROUPS = 24;
/** 18 KiB each at the very most, 2 to 8 KiB as a rule; beyond, the oldest block is let go. */
const MAX_CELLS = 4096;

interface Block {
  readonly fromMs: number;
  readonly toMs: number;
  readonly cells: Map<string, { group: TrafficGroup; cell: TrafficCell }>;
}

export class TrafficLog {
  readonly #blocks = new Map<number, Block>();
  #newestMs = Number.NEGATIVE_INFINITY;
  #coarseBeforeMs = Number.NEGATIVE_INFINITY;
  #cells = 0;
  #letGoBeforeMs = Number.NEGATIVE_INFINITY;
  #misdated = 0;

  /** Requests that arrived before this are not in here, or not all of them. */
  get letGoBeforeMs(): number {
    return this.#letGoBeforeMs;
  }

  /** Requests left out because they arrived, by their router's clock, long after the stream had stored their event. */
  get misdated(): number {
    return this.#misdated;
  }

  push(sample: RequestSample, receivedAtMs: number): void {
    const { arrivedMs } = sample;
    if (arrivedMs > receivedAtMs + MAX_AHEAD_MS) {
      this.#misdated += 1;
      return;
    }
    if (arrivedMs > this.#newestMs) this.#advance(arrivedMs);
    if (arrivedMs < this.#letGoBeforeMs) return;
    const cell = this.#cell(this.#blockAt(arrivedMs), sample);
    cell.add(sample);
    while (this.#cells > MAX_CELLS) this.#dropOldest();
  }

  /** The blocks that touch the window, oldest first. */
  blocks(window: Window): readonly TrafficBlock[] {
    return [...this.#blocks.values()]
      .filter(({ fromMs, toMs }) => toMs >= window.fromMs && fromMs <= window.toMs)
      .sort((a, b) => a.fromMs - b.fromMs)
      .map(({ fromMs, toMs, cells }) => ({
        // Nothing is known yet of what comes after the newest arrival.
        window: { fromMs, toMs: Math.max(fromMs, Math.min(toMs, Math.max(window.toMs, this.#newestMs))) },
        cells: [...cells.values()],
      }));
  }

  #advance(newestMs: number): void {
    this.#newestMs = newestMs;
    const coarseBeforeMs = Math.floor((newestMs - FINE_MS) / COARSE_MS) * COARSE_MS;
    if (coarseBeforeMs <= this.#coarseBeforeMs) return;
    this.#coarseBeforeMs = coarseBeforeMs;
    this.#letGoBeforeMs = Math.max(this.#letGoBeforeMs, coarseBeforeMs + FINE_MS - KEPT_MS);
    const blocks = [...this.#blocks.values()];
    const fine = blocks.filter((block) => isFine(block) && block.fromMs < coarseBeforeMs);
    const past = blocks.filter(({ toMs }) => toMs < this.#letGoBeforeMs);
    // All leave before the first one comes back: ten minutes begin where their first minute did.
    for (const { fromMs } of [...fine, ...past]) this.#drop(fromMs);
    for (const block of fine) {
      if (block.toMs < this.#letGoBeforeMs) continue;
      const coarse = this.#blockAt(block.fromMs);
      for (const { group, cell } of block.cells.values()) this.#cell(coarse, group).merge(cell);
    }
  }

  /** Blocks never overlap: minutes lie behind `coarseBeforeMs`, tens of minutes before it. */
  #blockAt(atMs: number): Block {
    const spanMs = atMs < this.#coarseBeforeMs ? COARSE_MS : MINUTE_MS;
    const fromMs = Math.floor(atMs / spanMs) * spanMs;
    const known = this.#blocks.get(fromMs);
    if (known !== undefined) return known;
    const block: Block = { fromMs, toMs: fromMs + spanMs - 1, cells: new Map() };
    this.#blocks.set(fromMs, block);
    return block;
  }

  #cell({ cells }: Block, wanted: TrafficGroup): TrafficCell {
    const known = cells.get(keyOf(wanted));
    if (known !== undefined) return known.cell;
    const { arm, settingsVersion, cache } =
      cells.size < MAX_GROUPS ? wanted : { arm: OTHER_ARM, settingsVersion: 0, cache: wanted.cache };
    const group = { arm, settingsVersion, cache };
    const other = cells.get(keyOf(group));
    if (other !== undefined) return other.cell;
    const cell = new TrafficCell();
    cells.set(keyOf(group), { group, cell });
    this.#cells += 1;
    return cell;
  }

  #dropOldest(): void {
    const oldest = Math.min(...this.#blocks.keys());
    this.#letGoBeforeMs = Math.max(this.#letGoBeforeMs, (this.#blocks.get(oldest)?.toMs ?? oldest) + 1);
    this.#drop(oldest);
  }

  #drop(fromMs: number): void {
    this.#cells -= this.#blocks.get(fromMs)?.cells.size ?? 0;
    this.#blocks.delete(fromMs);
  }
}

/** All that fits, put together; empty where nothing does. */
export function mergedCell(
  blocks: readonly TrafficBlock[],
  fits: (group: TrafficGroup) => boolean = () => true,
): TrafficCell {
  const merged = new TrafficCell();
  for (const { cells } of blocks) {
    for (const { group, cell } of cells) if (fits(group)) merged.merge(cell);
  }
  return merged;
}

/** From the first to the last of them; the window that was asked for where there are none. */
export function coveredWindow(blocks: readonly TrafficBlock[], asked: Window): Window {
  const [first, last] = [blocks[0], blocks.at(-1)];
  return first === undefined || last === undefined ? asked : { fromMs: first.window.fromMs, toMs: last.window.toMs };
}

function isFine({ fromMs, toMs }: Block): boolean {
  return toMs - fromMs < MINUTE_MS;
}

function keyOf({ arm, settingsVersion, cache }: TrafficGroup): string {
  return `${settingsVersion} ${cache} ${arm}`;
}
