// What a prompt is to the simulated engine: 4 bytes of UTF-8 are one token, which is close to what real vocabularies need for
// English text. Nothing is tokenised for real.
import { hash } from "node:crypto";
import type { EngineInput } from "../engine.ts";

export const BYTES_PER_TOKEN = 4;

export interface PromptTokens {
  count: number;
  /** Keys of the whole blocks, from the beginning on; a key stands for its block and everything before it. */
  blocks: number[];
  /** 32 bits that stand for the whole text. */
  seed: number;
}

/** `asPrefix` leaves out what asks for an answer, so that a longer conversation continues it. */
export function promptTokens(input: EngineInput, blockTokens: number, asPrefix = false): PromptTokens {
  const bytes = Buffer.from(render(input, asPrefix), "utf8");
  const blockBytes = blockTokens * BYTES_PER_TOKEN;
  const blocks: number[] = [];
  let key = 0;
  for (let at = 0; at + blockBytes <= bytes.length; at += blockBytes) {
    key = chainedKey(key, bytes.subarray(at, at + blockBytes));
    blocks.push(key);
  }
  return { count: Math.ceil(bytes.length / BYTES_PER_TOKEN), blocks, seed: chainedKey(0, bytes) % 2 ** 32 };
}

/** Roles as markers, in the manner of chat templates. */
function render(input: EngineInput, asPrefix: boolean): string {
  if (input.kind === "prompt") return input.prompt;
  const turns = input.messages.map(({ role, content }) => `<|${role}|>\n${content}\n`).join("");
  return asPrefix ? turns : `${turns}<|assistant|>\n`;
}

const KEY_BYTES = 6;

/** 48 bits of SHA-256: exact in a number, and no two blocks of one memory will share them. */
function chainedKey(previous: number, bytes: Uint8Array): number {
  const chained = Buffer.allocUnsafe(KEY_BYTES + bytes.length);
  chained.writeUIntBE(previous, 0, KEY_BYTES);
  chained.set(bytes, KEY_BYTES);
  return hash("sha256", chained, "buffer").readUIntBE(0, KEY_BYTES);
}
