// RouterService.Chat: turns on one stream. The stream keeps the history; a turn can be cancelled and the next one goes on.
import { create } from "@bufbuild/protobuf";
import { type GenerateResponse, type Message, MessageSchema, Role } from "@chimera/contracts/common";
import {
  type ChatRequest,
  type ChatResponse,
  ChatResponseSchema,
  type ChatTurn,
  GenerateRequestSchema,
} from "@chimera/contracts/router";
import { BoundedQueue, InvalidRequestError, OverloadedError } from "@chimera/kernel";
import type { HandlerContext } from "@connectrpc/connect";
import type { Context } from "../context.ts";
import { answer } from "./generate.ts";

/** Turns that may wait behind the one being answered. */
const MAX_WAITING_TURNS = 16;

export function chatRpc(context: Context) {
  return async function* (requests: AsyncIterable<ChatRequest>, rpc: HandlerContext): AsyncGenerator<ChatResponse> {
    const inbox = new Inbox(requests, context.draining());
    const conversation = new Conversation();
    let turn = 0;
    for await (const asked of inbox.turns) {
      const cancel = inbox.begin();
      const signal = AbortSignal.any([rpc.signal, cancel]);
      const parts = answer(context, conversation.ask(asked), { rpc, door: "chat", signal });
      yield* turnParts(parts, { turn, cancel, conversation });
      turn += 1;
    }
    inbox.throwIfFailed();
  };
}

interface Turn {
  turn: number;
  cancel: AbortSignal;
  conversation: Conversation;
}

async function* turnParts(
  parts: AsyncIterable<GenerateResponse>,
  { turn, cancel, conversation }: Turn,
): AsyncGenerator<ChatResponse> {
  let said = "";
  try {
    for await (const part of parts) {
      if (part.part.case === "delta") said += part.part.value.text;
      yield create(ChatResponseSchema, { turn, event: { case: "part", value: part } });
    }
  } catch (error) {
    if (!cancel.aborted) throw error;
    yield create(ChatResponseSchema, { turn, event: { case: "cancelled", value: {} } });
  } finally {
    conversation.answered(said);
  }
}

/** Reads the caller's messages while a turn is being answered, so that a cancel is seen at once. */
class Inbox {
  readonly turns = new BoundedQueue<ChatTurn>(MAX_WAITING_TURNS);
  #current: AbortController | undefined;
  #error: unknown;

  constructor(requests: AsyncIterable<ChatRequest>, draining: AbortSignal) {
    // A conversation that is idle when the router drains ends well; a turn in flight is finished first.
    draining.addEventListener("abort", () => this.turns.close(), { once: true });
    void this.#read(requests);
  }

  begin(): AbortSignal {
    this.#current = new AbortController();
    return this.#current.signal;
  }

  throwIfFailed(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  async #read(requests: AsyncIterable<ChatRequest>): Promise<void> {
    try {
      for await (const { action } of requests) {
        if (action.case === "cancel") this.#current?.abort();
        else if (action.case !== "turn") {
          throw new InvalidRequestError([{ field: "action", description: "set turn or cancel" }]);
        } else if (!this.turns.push(action.value)) {
          throw new OverloadedError(`${MAX_WAITING_TURNS} turns are waiting already`, 1000);
        }
      }
    } catch (error) {
      this.#error = error;
    } finally {
      this.turns.close();
    }
  }
}

class Conversation {
  readonly #messages: Message[] = [];
  #model = "";

  ask({ content, model, system, sampling, cachePolicy, cacheControl, class: requestClass }: ChatTurn) {
    if (this.#messages.length === 0) {
      this.#model = model;
      if (system) this.#add(Role.SYSTEM, system);
    }
    this.#add(Role.USER, content);
    return create(GenerateRequestSchema, {
      model: this.#model,
      messages: [...this.#messages],
      sampling,
      cachePolicy,
      cacheControl,
      class: requestClass,
    });
  }

  answered(text: string): void {
    // A turn that was stopped before its first token leaves its question, but no empty answer, behind.
    if (text) this.#add(Role.ASSISTANT, text);
  }

  #add(role: Role, content: string): void {
    this.#messages.push(create(MessageSchema, { role, content }));
  }
}
