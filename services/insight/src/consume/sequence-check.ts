// Counts events that the stream numbered but that never arrived. Kinds are read side by side, so a number that is missing now
// may be on its way: only what was stored a while ago is judged, and nothing while history is still being read.

/** After this long, an event the stream has stored should have arrived here. */
const SETTLE_MS = 10_000;

interface Tally {
  arrived: number;
  highest: number;
}

export class SequenceCheck {
  /** Events stored more than SETTLE_MS ago. */
  #settled: Tally = { arrived: 0, highest: 0 };
  /** The rest by second of storing: at most SETTLE_MS / 1000 + 2 entries while the clocks agree. */
  #recent = new Map<number, Tally>();
  #lowest = 0;
  #highest = { sequence: 0, storedMs: Number.NEGATIVE_INFINITY };
  #missingBefore = 0;
  #lastLateMs = Number.NEGATIVE_INFINITY;

  /** `storedMs` by the stream's clock, `nowMs` by ours. Every sequence number at most once. */
  arrived(sequence: number, storedMs: number, nowMs: number): void {
    // Numbers and times of one stream rise together; a lower number with a later time is the start of a new stream.
    if (sequence < this.#highest.sequence && storedMs > this.#highest.storedMs) this.#startAnew();
    if (this.#lowest === 0 || sequence < this.#lowest) this.#lowest = sequence;
    if (sequence > this.#highest.sequence) this.#highest = { sequence, storedMs };
    if (storedMs < nowMs - SETTLE_MS) {
      this.#lastLateMs = nowMs;
      add(this.#settled, sequence);
      return;
    }
    const second = Math.floor(storedMs / 1000);
    const tally = this.#recent.get(second) ?? { arrived: 0, highest: 0 };
    this.#recent.set(second, tally);
    add(tally, sequence);
    this.#settle(nowMs);
  }

  /** Events missing so far; undefined while events that are long stored still come in. */
  missing(nowMs: number): number | undefined {
    this.#settle(nowMs);
    if (this.#lastLateMs > nowMs - SETTLE_MS) return undefined;
    return this.#missingBefore + this.#missingNow();
  }

  #missingNow(): number {
    const { arrived, highest } = this.#settled;
    return arrived === 0 ? 0 : Math.max(0, highest - this.#lowest + 1 - arrived);
  }

  #settle(nowMs: number): void {
    for (const [second, tally] of this.#recent) {
      if ((second + 1) * 1000 > nowMs - SETTLE_MS) continue;
      this.#settled.arrived += tally.arrived;
      this.#settled.highest = Math.max(this.#settled.highest, tally.highest);
      this.#recent.delete(second);
    }
  }

  #startAnew(): void {
    this.#missingBefore += this.#missingNow();
    this.#settled = { arrived: 0, highest: 0 };
    this.#recent.clear();
    this.#lowest = 0;
    this.#highest = { sequence: 0, storedMs: Number.NEGATIVE_INFINITY };
  }
}

function add(tally: Tally, sequence: number): void {
  tally.arrived += 1;
  tally.highest = Math.max(tally.highest, sequence);
}
