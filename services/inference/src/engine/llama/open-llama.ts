// Loads one model into one context with its sequences, with the settings that proved right on a CPU.
import type { Logger } from "@chimera/lifecycle";
import {
  getLlama,
  type LlamaContextSequence,
  LlamaLogLevel,
  type LlamaModel,
  type Token,
  TokenBias,
} from "node-llama-cpp";
import { compileChatTemplate } from "./chat-template.ts";
import { checkGguf } from "./gguf-check.ts";
import { Grammars } from "./grammar/grammars.ts";
import { ModelLoadError } from "./model-load-error.ts";
import type { ModelSource } from "./model-source.ts";
import { PromptEncoder } from "./prompt-encoder.ts";
import type { StateSetup } from "./state-key.ts";
import { asToken, asTokens } from "./token.ts";
import { byteDecoder, type TokenDecoder, tokenBytesOf, windowDecoder } from "./token-decoder.ts";

/** Tokens of all slots together in one step. */
const BATCH_TOKENS = 512;
/** Without it a batch gives the same tokens as one request alone, also above temperature 0. */
const FLASH_ATTENTION = false;
/** Far above what any model gives a token, and finite, so that probabilities stay numbers. */
const CERTAIN_LOGIT = 10_000;

export interface LlamaSettings {
  /** Sequences of the context: the most slots that can be in use at the same time. Memory is taken for all of them. */
  maxSlots: number;
  /** Tokens of one request, prompt and answer; capped at what the model was trained on. */
  contextTokens: number;
  /**
   * Kept at 1 unless cores are reserved: llama.cpp's threads spin while they wait for each other, and on a shared machine
   * that made it 40 times slower. More processes scale better than more threads.
   */
  threads: number;
}

export interface OpenedModel {
  sequences: readonly LlamaContextSequence[];
  contextTokens: number;
  encoder: PromptEncoder;
  newDecoder(): TokenDecoder;
  isEnd(token: Token): boolean;
  /** Whether it is a token of this model, and none that ends an answer. */
  isText(token: Token): boolean;
  /** Makes one token certain; none where undefined. */
  biasFor(token: number | undefined): TokenBias;
  grammars: Grammars;
  /** What kept states of this model can be used with. */
  stateSetup: StateSetup;
  dispose(): Promise<void>;
}

/** Throws ModelLoadError. */
export async function openLlama(source: ModelSource, settings: LlamaSettings, logger: Logger): Promise<OpenedModel> {
  const { path } = source;
  await checkGguf(path);
  const llama = await getLlama({
    gpu: false,
    build: "never",
    maxThreads: settings.threads,
    logLevel: LlamaLogLevel.error,
    logger: (_level, message) => logger.error({ from: "llama.cpp" }, message.trim()),
  });
  try {
    const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
    const contextTokens = Math.min(settings.contextTokens, model.trainContextSize);
    const context = await model.createContext({
      contextSize: contextTokens,
      sequences: settings.maxSlots,
      batchSize: BATCH_TOKENS,
      threads: settings.threads,
      flashAttention: FLASH_ATTENTION,
    });
    const vocabularySize = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
    return {
      sequences: Array.from({ length: settings.maxSlots }, () => context.getSequence()),
      contextTokens,
      encoder: encoderOf(model, source),
      newDecoder: decoderFactory(model),
      isEnd: (token) => model.isEogToken(token),
      isText: (token) => token < vocabularySize && !model.isEogToken(token),
      biasFor: (token) => biasFor(model, token),
      grammars: new Grammars(llama, model),
      stateSetup: {
        modelSha256: source.sha256,
        engineVersion: `llama.cpp ${llama.llamaCppRelease.release}`,
        sequences: settings.maxSlots,
        contextTokens,
        flashAttention: FLASH_ATTENTION,
      },
      dispose: () => llama.dispose(),
    };
  } catch (cause) {
    await llama.dispose();
    if (cause instanceof ModelLoadError) throw cause;
    const remedy =
      "Fetch the file again and compare its SHA-256, or check that memory suffices and llama.cpp knows the architecture";
    throw new ModelLoadError({ path, problem: "llama.cpp could not load it", remedy, cause });
  }
}

function encoderOf(model: LlamaModel, source: ModelSource): PromptEncoder {
  const { metadata } = model.fileInfo;
  const vocabulary = metadata.tokenizer.ggml;
  const template = source.chatTemplate ?? metadata.tokenizer.chat_template;
  const tokens = { bos: model.tokens.bosString ?? "", eos: model.tokens.eosString ?? "" };
  return new PromptEncoder({
    tokenize: (text, withControlTokens) => model.tokenize(text, withControlTokens),
    bos: model.tokens.shouldPrependBosToken ? (model.tokens.bos ?? undefined) : undefined,
    controlTexts: vocabulary.tokens.filter((_, id) => isSpecialType(vocabulary.token_type?.[id])),
    template: template === undefined ? undefined : compileChatTemplate(template, source.path, tokens),
  });
}

/** GGUF token types unknown (2), control (3) and user defined (4): what the tokenizer matches as a whole. */
function isSpecialType(type: number | undefined): boolean {
  return type === 2 || type === 3 || type === 4;
}

function decoderFactory(model: LlamaModel): () => TokenDecoder {
  const { model: kind, tokens, token_type: tokenTypes } = model.fileInfo.metadata.tokenizer.ggml;
  const bytesOf = tokenBytesOf({ model: kind, tokens, tokenTypes });
  if (bytesOf) return () => byteDecoder(bytesOf);
  return () => windowDecoder((ids) => model.detokenize(asTokens(ids)));
}

function biasFor(model: LlamaModel, token: number | undefined): TokenBias {
  const bias = TokenBias.for(model);
  return token === undefined ? bias : bias.set(asToken(token), { logit: CERTAIN_LOGIT });
}
