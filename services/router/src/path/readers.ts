// Who reads an answer in the making, and how far each one is. A reader gets all of it whenever it comes; none waits for another
// while the log holds what the slower ones have not got.
import type { CacheStatus } from "@chimera/contracts/common";
import type { FrameLog } from "../relay/frame-log.ts";
import type { AttemptEnd } from "./attempt.ts";

/** Who makes the answer, known with its first part. */
export interface Origin {
  servedBy: string;
  queueMs: number;
  predictedTtftMs: number | undefined;
  /** Set where it is not made here after all. */
  cache?: { status: CacheStatus; reason: string };
}

export interface AnswerReader {
  begin(origin: Origin): void;
  /** Another replica goes on. */
  moved(origin: Origin): void;
  attempted(why?: "hedge"): void;
  /** Whole frames of deltas. False: wait until drained() of the reading. */
  deltas(frames: Buffer): boolean;
  end(end: AttemptEnd): void;
}

export interface Reading {
  drained(): void;
  /** The reader hears nothing more. */
  leave(): void;
}

interface Cursor {
  reader: AnswerReader;
  offset: number;
  hasBegun: boolean;
  isBlocked: boolean;
}

export interface ReadersOptions {
  log: FrameLog;
  /** The bound of the log. */
  maxKeptBytes: number;
  /** Who makes the answer may have been waiting for this. */
  onRoom(): void;
  onLastLeft(): void;
}

export class Readers {
  readonly #log: FrameLog;
  readonly #options: ReadersOptions;
  /** Bounded by the requests in flight, here and at other routers. */
  readonly #cursors = new Set<Cursor>();
  #origin: Origin | undefined;
  #end: AttemptEnd | undefined;

  constructor(options: ReadersOptions) {
    this.#options = options;
    this.#log = options.log;
  }

  get origin(): Origin | undefined {
    return this.#origin;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** While the log holds what a slow reader has not got, the quickest one sets the pace. */
  get mayGoOn(): boolean {
    const blocked = [...this.#cursors].filter(({ isBlocked }) => isBlocked).length;
    return this.#log.isWhole ? blocked < this.#cursors.size : blocked === 0;
  }

  join(reader: AnswerReader): Reading {
    const cursor: Cursor = { reader, offset: 0, hasBegun: false, isBlocked: false };
    this.#cursors.add(cursor);
    this.#deliver(cursor);
    return {
      drained: () => {
        cursor.isBlocked = false;
        this.#deliver(cursor);
        this.#options.onRoom();
      },
      leave: () => {
        this.#cursors.delete(cursor);
        if (this.#cursors.size === 0) this.#options.onLastLeft();
        else this.#options.onRoom();
      },
    };
  }

  attempted(why?: "hedge"): void {
    for (const { reader } of this.#cursors) reader.attempted(why);
  }

  /** Who makes the answer from here on. */
  begun(origin: Origin): void {
    const isFirst = this.#origin === undefined;
    this.#origin = origin;
    for (const cursor of this.#cursors) {
      if (isFirst) this.#deliver(cursor);
      else cursor.reader.moved(origin);
    }
  }

  append(frames: Buffer): void {
    const before = this.#log.length;
    if (before + frames.length > this.#options.maxKeptBytes && this.#log.isWhole) this.#catchUp();
    this.#log.append(frames);
    for (const cursor of this.#cursors) {
      if (cursor.offset !== before || (cursor.isBlocked && this.#log.isWhole)) continue;
      cursor.offset = this.#log.length;
      cursor.isBlocked = !cursor.reader.deltas(frames) || cursor.isBlocked;
    }
  }

  end(end: AttemptEnd): void {
    this.#end = end;
    for (const cursor of this.#cursors) this.#deliver(cursor);
  }

  /** Before the log is given up every reader gets what it holds; from then on all wait for the slowest. */
  #catchUp(): void {
    for (const cursor of this.#cursors) {
      if (cursor.offset < this.#log.length) cursor.reader.deltas(this.#log.from(cursor.offset));
      cursor.offset = this.#log.length;
    }
  }

  #deliver(cursor: Cursor): void {
    if (!this.#cursors.has(cursor)) return;
    if (this.#origin && !cursor.hasBegun) {
      cursor.hasBegun = true;
      cursor.reader.begin(this.#origin);
    }
    if (!cursor.isBlocked && cursor.offset < this.#log.length) {
      const frames = this.#log.from(cursor.offset);
      cursor.offset = this.#log.length;
      cursor.isBlocked = !cursor.reader.deltas(frames);
    }
    if (this.#end && cursor.offset === this.#log.length) {
      this.#cursors.delete(cursor);
      cursor.reader.end(this.#end);
    }
  }
}
