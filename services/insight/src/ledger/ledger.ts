// The memory of the loop: records that are only ever added, each tied to the one before, in a stream that several insights
// share without forking it, with a copy in a file.
import type { AppendLog } from "@chimera/events";
import { type Clock, FailedPreconditionError, OverloadedError, UnavailableError } from "@chimera/kernel";
import { type BrokenLink, ChainReader, isBroken, type Verification, verifyChain } from "./chain.ts";
import type { LoopState } from "./loop-state.ts";
import type { Mirror } from "./mirror.ts";
import { decodeRecord, encodeRecord, type LedgerEntry, type LedgerRecord, seal } from "./record.ts";

export interface LedgerOptions {
  log: AppendLog;
  mirror?: Mirror;
  clock: Clock;
  logger: { warn(details: object, message: string): void };
  /** Told of each new record once it is stored; after a restart and by a second insight perhaps once more. */
  announce?(record: LedgerRecord): void;
}

/** Others may be faster this many times before a writer gives up. */
const MAX_ATTEMPTS = 5;
/** Calls that wait for those before them. */
const MAX_WAITING = 64;
/** Records read before they are written to the file together. */
const MIRROR_BATCH = 256;
/** Younger records are announced when they are read: whoever wrote one may have died before it told of it. */
const ANNOUNCED_AGAIN_MS = 5 * 60_000;
const DIFFERENT = "stream and file hold different records";

export class Ledger {
  readonly #options: LedgerOptions;
  #reader = new ChainReader();
  #broken: BrokenLink | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** As of the last call. A break ends it: what comes behind one is not believed. */
  get loop(): LoopState {
    return this.#reader.loop;
  }

  get head(): { readonly sequence: number; readonly hash: string } {
    return this.#reader.head;
  }

  /** Where the chain was found broken; nothing is added from then on, and so nothing can be applied. */
  get broken(): BrokenLink | undefined {
    return this.#broken;
  }

  /**
   * Resolves once the record is stored. Throws FailedPreconditionError where it can not come next (a change without a prediction
   * before it, for example) and UnavailableError where NATS is away: the record may be there all the same, as `loop` tells
   * after a refresh().
   */
  append(entry: LedgerEntry): Promise<LedgerRecord> {
    return this.#inTurn(async () => {
      await this.#catchUp();
      for (let attempt = 1; ; attempt += 1) {
        this.#refuse(entry);
        const record = seal(entry, this.#reader.head, this.#options.clock.nowMs());
        try {
          await this.#store(record);
        } catch (error) {
          if (!(error instanceof FailedPreconditionError) || attempt === MAX_ATTEMPTS) throw error;
          const before = this.#reader.head.sequence;
          await this.#catchUp();
          // Nobody was faster, so it was refused for another reason, which trying again does not mend.
          if (this.#reader.head.sequence === before) throw error;
          continue;
        }
        return record;
      }
    });
  }

  /** Takes what others have added. Throws UnavailableError where NATS is away. */
  refresh(): Promise<LoopState> {
    return this.#inTurn(async () => {
      await this.#catchUp();
      return this.loop;
    });
  }

  /** Every record behind `after`, as they come from the stream. Throws where one can not be read. */
  async *records(
    options: { after?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<LedgerRecord, void, undefined> {
    for await (const { payload } of this.#options.log.read(options.after ?? 0, options.signal)) {
      yield decodeRecord(textOf(payload));
    }
  }

  /** Reads the stream from its first record, then holds the file against it. */
  async verify(signal?: AbortSignal): Promise<Verification> {
    const { log, mirror } = this.#options;
    const verified = await verifyChain(log.read(0, signal));
    if (verified.broken !== undefined || mirror === undefined) return verified;
    const broken = await this.#firstDifference(verified.records, signal);
    return { ...verified, broken };
  }

  #refuse(entry: LedgerEntry): void {
    if (this.#broken !== undefined) {
      const { sequence, reason } = this.#broken;
      throw new FailedPreconditionError(`the ledger is broken at record ${sequence}: ${reason}`);
    }
    const refusal = this.#reader.loop.refusal(entry);
    if (refusal !== undefined) throw new FailedPreconditionError(refusal);
  }

  async #store(record: LedgerRecord): Promise<void> {
    const { sequence } = this.#reader.head;
    try {
      await this.#options.log.append(Buffer.from(encodeRecord(record)), sequence);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      // The answer may have been lost, not the record.
      await this.#catchUp();
      if (this.#reader.head.hash !== record.hash) throw error;
      return;
    }
    this.#reader.join(record);
    await this.#takeOver([record]);
  }

  /** Reads what is new. A stream that is shorter than what was seen gets back what the file has. */
  async #catchUp(): Promise<void> {
    if (this.#broken !== undefined) return;
    const last = await this.#options.log.lastSequence();
    if (last < this.#reader.head.sequence) return this.#startAnew(last);
    // An empty stream may be a lost one: a file that can not be read is an error here, or the chain would begin a second time.
    if (last === 0) await this.#options.mirror?.lastSequence();
    await this.#readNews();
    if (this.#broken === undefined) await this.#giveBack();
  }

  async #readNews(): Promise<void> {
    const { log } = this.#options;
    const known = await this.#lastMirrored();
    let news: LedgerRecord[] = [];
    for await (const entry of log.read(this.#reader.head.sequence)) {
      const taken = this.#reader.take(entry);
      if (isBroken(taken)) {
        this.#break(taken);
        break;
      }
      if (known?.sequence === taken.sequence && known.text !== textOf(entry.payload)) {
        this.#break({ sequence: taken.sequence, reason: DIFFERENT });
        break;
      }
      news.push(taken);
      if (news.length < MIRROR_BATCH) continue;
      await this.#takeOver(news);
      news = [];
    }
    await this.#takeOver(news);
  }

  async #takeOver(records: readonly LedgerRecord[]): Promise<void> {
    await this.#copy(records);
    const sinceMs = this.#options.clock.nowMs() - ANNOUNCED_AGAIN_MS;
    for (const record of records) if (record.atMs >= sinceMs) this.#options.announce?.(record);
  }

  async #startAnew(last: number): Promise<void> {
    const known = this.#reader.head.sequence;
    if ((await this.#mirrored()) < Math.max(known, last)) {
      this.#break({ sequence: last + 1, reason: `the stream ends at ${last}, and ${known} records were known` });
      return;
    }
    this.#reader = new ChainReader();
    await this.#readNews();
    if (this.#broken === undefined) await this.#giveBack();
  }

  /** Adds to the stream what only the file has: the stream was lost, the file was not. */
  async #giveBack(): Promise<void> {
    const { log, mirror, logger } = this.#options;
    if (mirror === undefined || (await this.#mirrored()) <= this.#reader.head.sequence) return;
    const difference = await this.#firstDifference(this.#reader.head.sequence);
    if (difference !== undefined && difference.sequence <= this.#reader.head.sequence) {
      this.#break(difference);
      return;
    }
    const from = this.#reader.head.sequence;
    for await (const { sequence, text } of mirror.lines(from)) {
      const taken = this.#reader.take({ sequence, payload: Buffer.from(text) });
      if (isBroken(taken)) {
        this.#break(taken);
        return;
      }
      await log.append(Buffer.from(text), sequence - 1);
    }
    logger.warn(
      { from: from + 1, to: this.#reader.head.sequence },
      "the stream of the ledger got back what it had lost",
    );
  }

  /** The first record that stream and file do not have alike, among those the file has. */
  async #firstDifference(upTo: number, signal?: AbortSignal): Promise<BrokenLink | undefined> {
    const { log, mirror } = this.#options;
    if (mirror === undefined) return undefined;
    const lines = mirror.lines(0);
    for await (const { sequence, payload } of log.read(0, signal)) {
      const line = await lines.next();
      if (line.done || sequence > upTo) return undefined;
      if (line.value.text !== textOf(payload)) return { sequence, reason: DIFFERENT };
    }
    const more = await lines.next();
    return more.done ? undefined : { sequence: more.value.sequence, reason: "the stream lacks what the file has" };
  }

  /** A file that can not be written is behind, and catches up later; the stream is what counts. */
  async #copy(records: readonly LedgerRecord[]): Promise<void> {
    const { mirror, log, logger } = this.#options;
    const first = records[0];
    if (mirror === undefined || first === undefined) return;
    try {
      let behind = await mirror.lastSequence();
      if (behind + 1 < first.sequence) {
        for await (const entry of log.read(behind)) {
          if (entry.sequence >= first.sequence) break;
          await mirror.append([decodeRecord(textOf(entry.payload))]);
        }
        behind = await mirror.lastSequence();
      }
      await mirror.append(records.filter(({ sequence }) => sequence > behind));
    } catch (error) {
      logger.warn({ err: error }, "the ledger's file is behind its stream");
    }
  }

  /** Lines of the file; 0 where it can not be read, which must not hold up the ledger. */
  async #mirrored(): Promise<number> {
    const { mirror, logger } = this.#options;
    try {
      return (await mirror?.lastSequence()) ?? 0;
    } catch (error) {
      logger.warn({ err: error }, "the ledger's file can not be read");
      return 0;
    }
  }

  async #lastMirrored(): Promise<{ sequence: number; text: string } | undefined> {
    const { mirror } = this.#options;
    const last = await this.#mirrored();
    if (mirror === undefined || last === 0) return undefined;
    for await (const line of mirror.lines(last - 1)) return line;
    return undefined;
  }

  #break(broken: BrokenLink): void {
    this.#broken = broken;
    this.#options.logger.warn({ ...broken }, "the ledger is broken, nothing is applied from now on");
  }

  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) throw new OverloadedError("too many calls wait for the ledger", 1000);
    this.#waiting += 1;
    const mine = this.#turn.then(run);
    this.#turn = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.#waiting -= 1;
    }
  }
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString("utf8");
}
