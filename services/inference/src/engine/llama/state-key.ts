// What makes two kept states interchangeable. llama.cpp checks the shape of a state, not whose it is: one of other weights is
// loaded without a word and answers nonsense.
import { createHash } from "node:crypto";

/** Everything besides the tokens that a state depends on. */
export interface StateSetup {
  modelSha256: string;
  engineVersion: string;
  sequences: number;
  contextTokens: number;
  flashAttention: boolean;
}

const PREFIX_ID_CHARACTERS = 16;

/** 64 hex digits. */
export function stateKey(setup: StateSetup, tokens: readonly number[]): string {
  const { modelSha256, engineVersion, sequences, contextTokens, flashAttention } = setup;
  const where = JSON.stringify([modelSha256, engineVersion, sequences, contextTokens, flashAttention]);
  return createHash("sha256").update(`${where}\n`).update(bytesOf(tokens)).digest("hex");
}

/** Names a prefix in load reports: the same on every replica that serves the same weights, however it is set up. */
export function prefixId(modelSha256: string, tokens: readonly number[]): string {
  const hash = createHash("sha256").update(`${modelSha256}\n`).update(bytesOf(tokens));
  return hash.digest("hex").slice(0, PREFIX_ID_CHARACTERS);
}

function bytesOf(tokens: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(tokens).buffer);
}
