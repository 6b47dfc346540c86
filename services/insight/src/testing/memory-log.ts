// A log in memory that does what the stream does, and fails when a test wants it to.
import type { AppendLog, LogEntry } from "@chimera/events";
import { FailedPreconditionError, UnavailableError } from "@chimera/kernel";

export class MemoryLog implements AppendLog {
  payloads: Uint8Array[] = [];
  /** Answers nothing while set. */
  isAway = false;
  /** Stores the next record, then loses the answer. */
  losesAnswer = false;

  async append(payload: Uint8Array, after: number): Promise<void> {
    // One turn, as over a network: two writers can read the same end before either writes.
    await Promise.resolve();
    this.#answer();
    if (after !== this.payloads.length) throw new FailedPreconditionError("there is a newer record");
    this.payloads.push(payload);
    if (!this.losesAnswer) return;
    this.losesAnswer = false;
    throw new UnavailableError("the answer was lost");
  }

  async *read(after: number): AsyncGenerator<LogEntry, void, undefined> {
    await Promise.resolve();
    this.#answer();
    const last = this.payloads.length;
    for (let sequence = after + 1; sequence <= last; sequence += 1) {
      const payload = this.payloads[sequence - 1];
      if (payload !== undefined) yield { sequence, payload };
    }
  }

  async lastSequence(): Promise<number> {
    await Promise.resolve();
    this.#answer();
    return this.payloads.length;
  }

  #answer(): void {
    if (this.isAway) throw new UnavailableError("away");
  }
}
