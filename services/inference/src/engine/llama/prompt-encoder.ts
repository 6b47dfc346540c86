// A request's text to token ids: template text may hold control tokens, what people wrote may not become one.
import { InvalidRequestError } from "@chimera/kernel";
import type { EngineInput, EngineMessage } from "../engine.ts";
import type { ChatTemplate } from "./chat-template.ts";
import { commonPrefixLength } from "./token-prefix.ts";

export interface EncoderParts {
  tokenize(text: string, withControlTokens: boolean): number[];
  /** Begins every prompt; undefined for models without one. */
  bos: number | undefined;
  /** Texts that become one control token where the template writes them, for example "<|im_end|>". */
  controlTexts: readonly string[];
  /** Undefined where the model has no chat template. */
  template: ChatTemplate | undefined;
}

/** A Unicode noncharacter, reserved for use inside a program: marks where a control text is cut in two. */
const CUT = "\ufdd0";

export class PromptEncoder {
  readonly #parts: EncoderParts;
  /** The first character of a control text, wherever one begins: overlapping ones are found too. */
  readonly #controlStart: RegExp | undefined;

  constructor(parts: EncoderParts) {
    this.#parts = parts;
    const texts = parts.controlTexts.filter((text) => [...text].length > 1).map(escapeRegExp);
    this.#controlStart = texts.length > 0 ? new RegExp(`(?=${texts.join("|")}).`, "gsu") : undefined;
  }

  encode(input: EngineInput): number[] {
    const ids =
      input.kind === "prompt" ? this.#parts.tokenize(input.prompt, false) : this.#encodeMessages(input.messages);
    if (ids.length === 0) {
      throw new InvalidRequestError([{ field: input.kind, description: "is empty; give at least one character" }]);
    }
    const { bos } = this.#parts;
    return bos === undefined || ids[0] === bos ? ids : [bos, ...ids];
  }

  /** Text that goes on behind other tokens. */
  encodeText(text: string): number[] {
    return this.#parts.tokenize(text, false);
  }

  /**
   * The tokens that prompts with this beginning start with, as far as a few different continuations tell: the end of a text can
   * become another token together with what follows it. A conversation that ends with the user is complete up to the answer.
   */
  encodePrefix(input: EngineInput): number[] {
    if (input.kind === "prompt" && input.prompt === "") return this.encode(input);
    const [first = [], ...others] = continuationsOf(input).map((each) => this.encode(each));
    const length = Math.min(first.length, ...others.map((other) => commonPrefixLength(first, other)));
    if (length === 0) {
      const description = "has no token that stays the same whatever follows; make it longer";
      throw new InvalidRequestError([{ field: input.kind, description }]);
    }
    return first.slice(0, length);
  }

  #encodeMessages(messages: readonly EngineMessage[]): number[] {
    const { template, tokenize } = this.#parts;
    if (!template) {
      const description =
        "this model has no chat template; send `prompt`, or serve it through a manifest with a chatTemplate";
      throw new InvalidRequestError([{ field: "messages", description }]);
    }
    const text = template.render(messages.map((message) => ({ ...message, content: this.#defuse(message.content) })));
    return text.split(CUT).flatMap((piece) => tokenize(piece, true));
  }

  /** Cuts control texts inside content, so that each half is tokenized as plain text. Content without one is left as it is. */
  #defuse(content: string): string {
    const plain = content.replaceAll(CUT, "");
    return this.#controlStart ? plain.replace(this.#controlStart, (first) => first + CUT) : plain;
  }
}

/** Differ in their first character, and in whether it makes one word with the text before. */
const PROBES = ["a", " a", "0", "\n", ". "];

function continuationsOf(input: EngineInput): EngineInput[] {
  if (input.kind === "prompt") return PROBES.map((probe) => ({ kind: "prompt", prompt: input.prompt + probe }));
  if (input.messages.at(-1)?.role === "user") return [input];
  const withUser = (content: string): EngineMessage[] => [...input.messages, { role: "user", content }];
  return ["a", "0"].map((content) => ({ kind: "messages", messages: withUser(content) }));
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
