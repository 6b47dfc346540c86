import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seededRandom } from "@chimera/kernel";
import { createLogger } from "@chimera/lifecycle";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkGguf } from "./gguf-check.ts";
import { putTogether, takeApart, withNumber, withoutKey } from "./gguf-editor.ts";
import { createLlamaEngine } from "./llama-engine.ts";
import { ModelLoadError } from "./model-load-error.ts";

const weights = fileURLToPath(new URL("../../../model/triage-1.4m.q8_0.gguf", import.meta.url));
const whole = await readFile(weights);
const random = seededRandom(5);
const noise = Buffer.from(Array.from({ length: 4096 }, () => Math.floor(random() * 256)));
const logger = createLogger("inference-test", "silent");

/** What llama.cpp answers by ending the process, or by serving nonsense: refused before it sees the file. */
const refused: readonly [string, Buffer, string | undefined][] = [
  ["no architecture", withoutKey(whole, "general.architecture"), "general.architecture"],
  ["no context length", withoutKey(whole, "llama.context_length"), "llama.context_length"],
  ["no width", withoutKey(whole, "llama.embedding_length"), "llama.embedding_length"],
  ["no layer count", withoutKey(whole, "llama.block_count"), "llama.block_count"],
  ["no head count", withoutKey(whole, "llama.attention.head_count"), "llama.attention.head_count"],
  ["no feed-forward width", withoutKey(whole, "llama.feed_forward_length"), "llama.feed_forward_length"],
  ["no tokenizer model", withoutKey(whole, "tokenizer.ggml.model"), "tokenizer.ggml.model"],
  ["no tokens", withoutKey(whole, "tokenizer.ggml.tokens"), "tokenizer.ggml.tokens"],
  ["no merges", withoutKey(whole, "tokenizer.ggml.merges"), "tokenizer.ggml.merges"],
  ["no token types", withoutKey(whole, "tokenizer.ggml.token_type"), "tokenizer.ggml.token_type"],
  ["no pre-tokenizer", withoutKey(whole, "tokenizer.ggml.pre"), "tokenizer.ggml.pre"],
  ["no head", withNumber(whole, "llama.attention.head_count", 0), "llama.attention.head_count"],
  ["no key/value head", withNumber(whole, "llama.attention.head_count_kv", 0), "llama.attention.head_count_kv"],
  ["too many layers", withNumber(whole, "llama.block_count", 4096), "llama.block_count"],
  ["another feed-forward width", withNumber(whole, "llama.feed_forward_length", 7), "llama.feed_forward_length"],
  ["a negative context", withNumber(whole, "llama.context_length", 2 ** 32 - 1), "llama.context_length"],
  ["an empty file", Buffer.alloc(0), undefined],
  ["a file cut in its header", whole.subarray(0, 100), undefined],
  ["a file cut in its vocabulary", whole.subarray(0, 5000), undefined],
  ["a file cut in its weights", whole.subarray(0, 800_000), undefined],
  ["random bytes", noise, undefined],
  ["random bytes behind a good beginning", Buffer.concat([whole.subarray(0, 24), noise]), undefined],
];

/** Left to llama.cpp, which refuses it in an orderly way. */
const failing: readonly [string, Buffer][] = [
  ["a file without its last byte", whole.subarray(0, -1)],
  ["another layer count", withNumber(whole, "llama.block_count", 7)],
  ["another head count", withNumber(whole, "llama.attention.head_count", 7)],
  ["no norm epsilon", withoutKey(whole, "llama.attention.layer_norm_rms_epsilon")],
];

describe("a broken GGUF file", () => {
  let path: string;
  beforeAll(async () => {
    path = join(await mkdtemp(join(tmpdir(), "inference-broken-")), "broken.gguf");
  });
  afterAll(() => rm(join(path, ".."), { recursive: true }));

  const load = async (bytes: Buffer): Promise<ModelLoadError> => {
    await writeFile(path, bytes);
    const options = { modelPath: path, slots: 1, maxQueued: 1, contextTokens: 64, threads: 1, logger };
    const error: unknown = await createLlamaEngine(options).catch((thrown: unknown) => thrown);
    if (!(error instanceof ModelLoadError)) throw new Error(`expected a ModelLoadError, got ${String(error)}`);
    return error;
  };

  it("comes from an editor that gives an unedited file back byte for byte", () => {
    expect(putTogether(takeApart(whole)).equals(whole)).toBe(true);
  });

  it.each(refused)("is refused before llama.cpp opens it: %s", async (_name, bytes, key) => {
    await writeFile(path, bytes);
    await expect(checkGguf(path)).rejects.toBeInstanceOf(ModelLoadError);
    const error = await load(bytes);
    expect([error.path, error.key]).toEqual([path, key]);
    expect(error.message).toContain(error.remedy);
  });

  it.each(failing)("becomes a typed error, and the process lives: %s", async (_name, bytes) => {
    const error = await load(bytes);
    expect(error.path).toBe(path);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("does not keep a good file from loading afterwards", async () => {
    await expect(checkGguf(weights)).resolves.toBeUndefined();
  });
});
