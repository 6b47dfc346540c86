// The library brands its token ids; ours are plain numbers, and these two lines are the only place that says they are the same.
import type { Token } from "node-llama-cpp";

export const asToken = (id: number): Token => id as Token;
export const asTokens = (ids: readonly number[]): Token[] => ids as Token[];
