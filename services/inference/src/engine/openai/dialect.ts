// Where servers of this kind differ in what they call and take for granted. A server is known by the owner it gives its
// models; one that is not known gets the names most servers share.

export interface Dialect {
  repetitionPenalty: "repetition_penalty" | "repeat_penalty";
  /** What `top_k` has to be so that every token may be drawn. */
  everyTopK: 0 | -1;
  /** Whether the server draws another seed for every request that names none. */
  drawsSeeds: boolean;
  /** What the server takes where the request leaves a value open. */
  topK: number;
  minP: number;
}

const COMMON: Dialect = { repetitionPenalty: "repetition_penalty", everyTopK: 0, drawsSeeds: true, topK: 0, minP: 0 };
const LLAMA_CPP: Dialect = { ...COMMON, repetitionPenalty: "repeat_penalty", topK: 40, minP: 0.05 };

const DIALECTS: Readonly<Record<string, Dialect>> = {
  llamacpp: LLAMA_CPP,
  // llama-cpp-python's own server, which would use one seed for all.
  me: { ...LLAMA_CPP, drawsSeeds: false },
  sglang: { ...COMMON, everyTopK: -1 },
};

export function dialectOf(ownedBy: string): Dialect {
  return DIALECTS[ownedBy] ?? COMMON;
}
