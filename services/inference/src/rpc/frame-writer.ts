// Frames of one stream, put together for the wire: what is ready in the same turn of the event loop leaves in one write.
import type { RawCall } from "@chimera/rpc";

type Call = Pick<RawCall, "write" | "onDrain">;

export class FrameWriter {
  readonly #call: Call;
  /** Of this turn. Bounded by what one turn makes: a reader that is behind is waited for between two frames. */
  #frames: Buffer[] = [];
  #isFull = false;
  #onRoom: (() => void) | undefined;

  /** With `signal` nobody waits for the reader any more: it has left, or its time is over. */
  constructor(call: Call, signal: AbortSignal) {
    this.#call = call;
    const wake = () => this.#wake();
    call.onDrain(wake);
    signal.addEventListener("abort", wake, { once: true });
  }

  /** The reader is behind; the next frame has to wait for room(). */
  get isFull(): boolean {
    return this.#isFull;
  }

  room(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRoom = resolve;
      if (!this.#isFull) resolve();
    });
  }

  add(frame: Buffer): void {
    // After everything that is ready now has run.
    if (this.#frames.push(frame) === 1) process.nextTick(() => this.flush());
  }

  flush(): void {
    const [first, ...more] = this.#frames;
    if (!first) return;
    this.#frames = [];
    this.#isFull = !this.#call.write(more.length > 0 ? Buffer.concat([first, ...more]) : first);
  }

  #wake(): void {
    this.#isFull = false;
    this.#onRoom?.();
    this.#onRoom = undefined;
  }
}
