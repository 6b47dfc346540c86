// A conversation over RouterService.Chat: one stream whose server side keeps the history, one answer stream per turn.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ChatRequestSchema, ChatResponse } from "@chimera/contracts/router";
import { AnswerFeed, type AnswerStream } from "../answer-stream.ts";
import { ChimeraClientError, cancelled } from "../error.ts";
import { type CallOptions, callHeaders } from "../options.ts";
import { ReadAhead } from "../read-ahead.ts";
import { type AnswerOptions, toAnswerOptions } from "../request.ts";
import { CallScope } from "./call-scope.ts";
import { toClientError } from "./failure.ts";
import type { Shared } from "./surroundings.ts";

/** Turns that may wait behind the one being answered. */
const MAX_WAITING_TURNS = 16;
/** Messages on their way out: a turn and its cancels. The next turn is sent when this one has ended. */
const MAX_OUTGOING = 8;

export interface ChatOptions extends AnswerOptions {
  /** May be left out where the mesh serves one model. */
  model?: string;
  system?: string;
  /** Ends the whole conversation. */
  signal?: AbortSignal;
}

/** `deadlineMs` and `signal` of a turn end that turn alone. */
export interface AskOptions extends AnswerOptions, CallOptions {}

/** The server keeps the history. A turn that fails ends the conversation; one that is cancelled does not. */
export interface Chat extends AsyncDisposable {
  /** The next user message. Turns are answered one after the other; at most 16 wait. */
  ask(text: string, options?: AskOptions): AnswerStream;
  /** Stops the turn that is being answered. What was already said stays in the history. */
  cancelTurn(): void;
  /** No more turns. Resolves when those that were asked have ended. */
  end(): Promise<void>;
}

type Outgoing = MessageInitShape<typeof ChatRequestSchema>;

interface Turn {
  feed: AnswerFeed;
  scope: CallScope;
  message: Outgoing;
  /** Set when it is sent. */
  index: number | undefined;
  isCancelled: boolean;
}

export function openChat(shared: Shared, options: ChatOptions = {}): Chat {
  return new Conversation(shared, options);
}

class Conversation implements Chat {
  readonly #shared: Shared;
  readonly #options: ChatOptions;
  readonly #scope: CallScope;
  readonly #outgoing = new ReadAhead<Outgoing>(MAX_OUTGOING);
  readonly #waiting: Turn[] = [];
  #current: Turn | undefined;
  #turnsSent = 0;
  #stream: Promise<void> | undefined;
  #isEnding = false;
  #error: ChimeraClientError | undefined;

  constructor(shared: Shared, options: ChatOptions) {
    this.#shared = shared;
    this.#options = options;
    const { clock, live } = shared;
    this.#scope = new CallScope({ signal: options.signal, clock, live });
    const onAbort = () => this.#fail(this.#scope.signal.reason);
    this.#scope.signal.addEventListener("abort", onAbort, { once: true });
    if (this.#scope.signal.aborted) onAbort();
  }

  ask(text: string, options: AskOptions = {}): AnswerStream {
    const turn = this.#turn(text, options);
    const refusal = this.#refusal();
    if (refusal) this.#endTurn(turn, refusal);
    else if (!turn.feed.hasEnded) {
      this.#waiting.push(turn);
      this.#advance();
    }
    return turn.feed.stream;
  }

  cancelTurn(): void {
    if (this.#current) this.#cancel(this.#current);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    this.#advance();
    await this.#stream;
    this.#scope.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#error) this.#scope.abort(cancelled("the conversation was left"));
  }

  #turn(text: string, options: AskOptions): Turn {
    const { clock, live } = this.#shared;
    const { signal, deadlineMs = this.#shared.options.deadlineMs, ...answerOptions } = options;
    const scope = new CallScope({ signal, deadlineMs, clock, live });
    const feed = new AnswerFeed({ clock, onStop: (reason) => this.#stop(turn, reason) });
    const { model, system, ...defaults } = this.#options;
    const value = { content: text, model, system, ...toAnswerOptions({ ...defaults, ...answerOptions }) };
    const turn: Turn = {
      ...{ feed, scope, index: undefined, isCancelled: false },
      message: { action: { case: "turn", value } },
    };
    const onAbort = () => this.#abort(turn);
    scope.signal.addEventListener("abort", onAbort, { once: true });
    if (scope.signal.aborted) onAbort();
    return turn;
  }

  #refusal(): ChimeraClientError | undefined {
    if (this.#error || this.#isEnding) {
      return new ChimeraClientError("FAILED_PRECONDITION", "the conversation has ended", { cause: this.#error });
    }
    if (this.#waiting.length < MAX_WAITING_TURNS) return undefined;
    return new ChimeraClientError("RESOURCE_EXHAUSTED", `${MAX_WAITING_TURNS} turns are waiting already`);
  }

  /** The reader of a turn has left, or cancels. */
  #stop(turn: Turn, reason: ChimeraClientError): void {
    // What was said until the server stops is in its history: a reader who is still there gets it.
    if (turn === this.#current) this.#cancel(turn);
    else this.#endTurn(turn, reason);
  }

  /** Its deadline has passed, its signal was aborted, or the client is closed. */
  #abort(turn: Turn): void {
    turn.feed.fail(turn.scope.signal.reason);
    if (turn === this.#current) this.#cancel(turn);
    else this.#endTurn(turn, turn.scope.signal.reason);
  }

  #cancel(turn: Turn): void {
    if (turn.isCancelled) return;
    turn.isCancelled = true;
    this.#send({ action: { case: "cancel", value: {} } });
  }

  #endTurn(turn: Turn, error?: ChimeraClientError): void {
    turn.scope.close();
    if (error) turn.feed.fail(error);
    else turn.feed.finish();
    const position = this.#waiting.indexOf(turn);
    if (position >= 0) this.#waiting.splice(position, 1);
    if (turn !== this.#current) return;
    this.#current = undefined;
    this.#advance();
  }

  #advance(): void {
    if (this.#current || this.#error) return;
    this.#current = this.#waiting.shift();
    if (this.#current) {
      this.#current.index = this.#turnsSent;
      this.#turnsSent += 1;
      this.#send(this.#current.message);
      this.#stream ??= this.#converse();
    } else if (this.#isEnding) this.#outgoing.end();
  }

  #send(message: Outgoing): void {
    // It has room: nothing is sent beside one turn and its cancels.
    void this.#outgoing.push(message);
  }

  async #converse(): Promise<void> {
    const shared = this.#shared;
    const { signal } = this.#scope;
    try {
      const [router, headers] = await Promise.all([shared.router(), callHeaders(shared.options)]);
      signal.throwIfAborted();
      for await (const response of router.chat(this.#outgoing, { headers, signal })) await this.#handle(response);
      this.#fail(new ChimeraClientError("UNAVAILABLE", "the router has ended the conversation"));
    } catch (error) {
      this.#fail(toClientError(error, shared.connection));
      this.#scope.abort(cancelled("the conversation has failed"));
    }
  }

  async #handle({ turn: index, event }: ChatResponse): Promise<void> {
    const turn = this.#current;
    if (index >= this.#turnsSent)
      throw new ChimeraClientError("DATA_LOSS", `turn ${index} was answered, but not asked`);
    // A cancel that crossed the end of its turn.
    if (turn?.index !== index) return;
    if (event.case === "cancelled") this.#endTurn(turn, cancelled("the turn was cancelled"));
    if (event.case !== "part") return;
    await turn.feed.part(event.value);
    if (event.value.part.case === "complete") this.#endTurn(turn);
  }

  /** The conversation is over, and with it every turn that has not ended. */
  #fail(error: ChimeraClientError): void {
    if (this.#error) return;
    this.#error = error;
    this.#scope.close();
    this.#outgoing.end();
    for (const turn of [this.#current, ...this.#waiting]) if (turn) this.#endTurn(turn, error);
  }
}
