// Callers that read one long greedy answer after the other, each checked against what an undisturbed mesh says.
import { CachePolicy, Role } from "@chimera/contracts/common";
import { RouterService } from "@chimera/contracts/router";
import type { Clock } from "@chimera/kernel";
import { connectClient, ownedStream } from "@chimera/rpc";
import { loadTickets } from "@chimera/tickets";
import { Transcript } from "./transcript.ts";

export const STREAMS = 64;
/** Long enough that most streams are open when a replica is lost. */
export const ANSWER_TOKENS = 120;
/** Never generated, so that only the bound ends an answer. */
const NO_STOP = "\u0000";
const TIMEOUT_MS = 120_000;

export interface ReadStream {
  prompt: number;
  transcript: Transcript;
  /** Its replica was lost while it ran. */
  wasHit: boolean;
  /** Why it did not end well. */
  failure: string | undefined;
}

export class Readers {
  readonly #router;
  readonly #prompts: readonly string[];
  readonly #clock: Clock;
  readonly #open = new Set<ReadStream>();

  private constructor(routerUrl: string, prompts: readonly string[], clock: Clock) {
    this.#router = connectClient(RouterService, routerUrl);
    this.#prompts = prompts;
    this.#clock = clock;
  }

  static async connect(routerUrl: string, clock: Clock): Promise<Readers> {
    const tickets = await loadTickets("train");
    return new Readers(
      routerUrl,
      tickets.slice(0, STREAMS).map(({ input }) => input),
      clock,
    );
  }

  /** Each prompt once, all at a time. */
  once(signal: AbortSignal): Promise<ReadStream[]> {
    return Promise.all(this.#prompts.map((_, prompt) => this.#read(prompt, signal)));
  }

  /** As many at a time, each anew as soon as it has ended, until `over` is aborted and the last one has ended. */
  async again(over: AbortSignal, signal: AbortSignal): Promise<ReadStream[]> {
    const read: ReadStream[] = [];
    const caller = async (prompt: number) => {
      while (!over.aborted && !signal.aborted) read.push(await this.#read(prompt, signal));
    };
    await Promise.all(this.#prompts.map((_, prompt) => caller(prompt)));
    return read;
  }

  /** A replica is about to be lost: marks the streams it serves. */
  hit(replica: string): void {
    for (const stream of this.#open) if (stream.transcript.servedBy === replica) stream.wasHit = true;
  }

  close(): void {
    this.#router.close();
  }

  async #read(prompt: number, signal: AbortSignal): Promise<ReadStream> {
    const stream: ReadStream = { prompt, transcript: new Transcript(this.#clock), wasHit: false, failure: undefined };
    const request = {
      messages: [{ role: Role.USER, content: this.#prompts[prompt] ?? "" }],
      sampling: { temperature: 0, maxTokens: ANSWER_TOKENS, stop: [NO_STOP] },
      cachePolicy: CachePolicy.BYPASS,
    };
    this.#open.add(stream);
    try {
      const open = (owned: AbortSignal) => this.#router.client.generate(request, { signal: owned });
      for await (const part of ownedStream(open, { signal, timeoutMs: TIMEOUT_MS })) stream.transcript.note(part);
    } catch (error) {
      stream.failure = error instanceof Error ? error.message : String(error);
    } finally {
      this.#open.delete(stream);
    }
    return stream;
  }
}
