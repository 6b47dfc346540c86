// Looks at a GGUF file before llama.cpp does: some missing or impossible keys make its loader end the whole process, which no
// caller can catch.
import { stat } from "node:fs/promises";
import { type GgufFileInfo, readGgufFileInfo } from "node-llama-cpp";
import { ModelLoadError } from "./model-load-error.ts";

const REMEDY_EXPORT = "Convert or export the model again with a tool that writes this key";
const REMEDY_FETCH = "Fetch the file again and compare its SHA-256 with the publisher's";

interface NumberRule {
  key: string;
  max: number;
  isOptional?: boolean;
}

const INT32_MAX = 2 ** 31 - 1;
/** LLAMA_MAX_LAYERS of llama.cpp. */
const MAX_LAYERS = 512;

const CONTEXT_LENGTH: NumberRule = { key: "context_length", max: INT32_MAX };

/** What every transformer needs, as one number or one per layer. */
const TRANSFORMER_NUMBERS: readonly NumberRule[] = [
  CONTEXT_LENGTH,
  { key: "embedding_length", max: INT32_MAX },
  { key: "block_count", max: MAX_LAYERS },
  { key: "feed_forward_length", max: INT32_MAX },
  { key: "attention.head_count", max: INT32_MAX },
  { key: "attention.head_count_kv", max: INT32_MAX, isOptional: true },
];

/** Recurrent architectures: their files leave the attention keys out, and llama.cpp expects that. */
const WITHOUT_ATTENTION_KEYS = /^(mamba|rwkv|arwkv)/;

/** Reads header and metadata, never the weights. Throws ModelLoadError that names file, key and remedy. */
export async function checkGguf(path: string): Promise<void> {
  const info = await readInfo(path);
  await requireWholeFile(path, info);
  const architecture: unknown = info.metadata.general?.architecture;
  if (typeof architecture !== "string" || architecture === "") throw missing(path, "general.architecture");
  const hyperparameters = member(info.metadata, architecture);
  for (const rule of WITHOUT_ATTENTION_KEYS.test(architecture) ? [CONTEXT_LENGTH] : TRANSFORMER_NUMBERS) {
    requireNumber({ path, rule, key: `${architecture}.${rule.key}`, value: lookUp(hyperparameters, rule.key) });
  }
  if (architecture === "llama") requireFeedForward(path, info, lookUp(hyperparameters, "feed_forward_length"));
  requireVocabulary(path, info);
}

async function readInfo(path: string): Promise<GgufFileInfo> {
  try {
    return await readGgufFileInfo(path, { sourceType: "filesystem", logWarnings: false });
  } catch (cause) {
    const problem = "its header can not be read as GGUF, so it is truncated, damaged or another format";
    throw new ModelLoadError({ path, problem, remedy: REMEDY_FETCH, cause });
  }
}

/** The reader takes bytes past the end for zeros, and a file cut inside its weights still has a good header. */
async function requireWholeFile(path: string, info: GgufFileInfo): Promise<void> {
  const { size } = await stat(path);
  const starts = (info.tensorInfo ?? []).map((tensor) => Number(tensor.fileOffset));
  const needed = Math.max(info.infoEndOffset ?? 0, ...starts);
  if (needed < size) return;
  const problem = `has ${size} bytes where its header needs more than ${needed}, so it is truncated`;
  throw new ModelLoadError({ path, problem, remedy: REMEDY_FETCH });
}

function requireNumber({
  path,
  rule,
  key,
  value,
}: {
  path: string;
  rule: NumberRule;
  key: string;
  value: unknown;
}): void {
  if (value === undefined) {
    if (rule.isOptional) return;
    throw missing(path, key);
  }
  const numbers: readonly unknown[] = Array.isArray(value) ? value : [value];
  const inRange = (n: unknown) => typeof n === "number" && Number.isInteger(n) && n >= 0 && n <= rule.max;
  // Zero is a layer without this part; a model in which every layer lacks it can not be computed.
  if (numbers.every(inRange) && numbers.some((n) => n !== 0)) return;
  const problem = `is ${String(value)}; it must be a whole number from 1 to ${rule.max}`;
  throw new ModelLoadError({ path, key, problem, remedy: REMEDY_EXPORT });
}

/** A width that is not the one of the weights passes llama.cpp's own look at the shapes and fails later, beyond recovery. */
function requireFeedForward(path: string, info: GgufFileInfo, width: unknown): void {
  const weights = info.tensorInfo?.find((tensor) => tensor.name === "blk.0.ffn_up.weight");
  const actual = Number(weights?.dimensions[1]);
  if (weights === undefined || Array.isArray(width) || actual === width) return;
  const problem = `is ${String(width)}, the weights have ${actual}`;
  throw new ModelLoadError({ path, key: "llama.feed_forward_length", problem, remedy: REMEDY_EXPORT });
}

function requireVocabulary(path: string, info: GgufFileInfo): void {
  const vocabulary = info.metadata.tokenizer?.ggml;
  if (typeof vocabulary?.model !== "string") throw missing(path, "tokenizer.ggml.model");
  if (!Array.isArray(vocabulary.tokens) || vocabulary.tokens.length === 0) throw missing(path, "tokenizer.ggml.tokens");
  if (vocabulary.model !== "gpt2") return;
  // Without the last two the file loads, and then cuts text into wrong tokens.
  for (const key of ["merges", "pre", "token_type"] as const) {
    if (vocabulary[key] === undefined) throw missing(path, `tokenizer.ggml.${key}`);
  }
}

function missing(path: string, key: string): ModelLoadError {
  return new ModelLoadError({ path, key, problem: "is missing", remedy: REMEDY_EXPORT });
}

function member(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Object.entries(of).find(([key]) => key === name)?.[1] : undefined;
}

/** Follows a dotted key through the nested objects that the reader builds from flat GGUF keys. */
function lookUp(from: unknown, key: string): unknown {
  return key.split(".").reduce(member, from);
}
