// What is known of one answer while its chunks arrive: tokens, stages and the end.
import { type ChimeraError, FailedPreconditionError, UnavailableError } from "@chimera/kernel";
import type { CompletePart } from "../engine.ts";
import type { Chunk, ServerUsage } from "./chunk.ts";

export interface AcceptedChunk {
  text: string;
  /** Tokens behind the text: what the server says, or one for every chunk that has text. */
  deltaTokens: number;
  /** Tokens that this chunk told of. */
  newTokens: number;
}

export class AnswerProgress {
  finishReason: CompletePart["finishReason"] | undefined;
  usage: ServerUsage | undefined;
  /** Of the first text that is not empty. Chunks that name the role are no tokens. */
  firstTokenAtMs: number | undefined;
  endedAtMs: number | undefined;
  tokenCount = 0;
  #tokensSinceDelta = 0;
  #hasFinalUsage = false;

  /** Throws where the server ended the answer for a reason that leaves it unfinished. */
  accept({ text, finishReason, usage }: Chunk, nowMs: number): AcceptedChunk {
    if (text !== "") this.firstTokenAtMs ??= nowMs;
    const newTokens = usage ? Math.max(0, usage.completionTokens - this.tokenCount) : text === "" ? 0 : 1;
    this.tokenCount += newTokens;
    this.usage = usage ?? this.usage;
    this.#tokensSinceDelta += newTokens;
    const deltaTokens = text === "" ? 0 : this.#tokensSinceDelta;
    if (text !== "") this.#tokensSinceDelta = 0;
    if (finishReason !== undefined) {
      this.finishReason = toFinishReason(finishReason);
      this.endedAtMs = nowMs;
    }
    // A server that sends usage with every chunk has more to say until the end.
    if (usage && this.finishReason !== undefined) this.#hasFinalUsage = true;
    return { text, deltaTokens, newTokens };
  }

  /** Nothing more has to come: the answer has its end and its counts. */
  get isWhole(): boolean {
    return this.#hasFinalUsage;
  }
}

const FINISH_REASONS: Readonly<Record<string, CompletePart["finishReason"]>> = {
  stop: "stop",
  eos: "stop",
  eos_token: "stop",
  stop_sequence: "stop",
  length: "length",
};

function toFinishReason(reason: string): CompletePart["finishReason"] {
  const known = FINISH_REASONS[reason];
  if (known !== undefined) return known;
  throw unfinished(reason);
}

function unfinished(reason: string): ChimeraError {
  if (reason === "content_filter") return new FailedPreconditionError("the model server's filter ended the answer");
  if (reason === "tool_calls" || reason === "function_call") {
    return new FailedPreconditionError("the model answered with a tool call, which is not served here");
  }
  return new UnavailableError(`the model server ended the answer with ${JSON.stringify(reason.slice(0, 40))}`);
}
