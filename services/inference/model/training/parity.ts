// Compares a GGUF in llama.cpp with what torch said: `node parity.ts MODEL.gguf REFERENCE.json`. Token ids and the best
// next token must agree everywhere; a greedy answer may turn only where torch's own lead was within rounding.
import { readFile } from "node:fs/promises";
import { getLlama, LlamaLogLevel, type Token } from "node-llama-cpp";

interface Reference {
  text: string;
  ids: number[];
  top: [id: number, logit: number][];
  greedy: number[];
  margins: number[];
}

/** Q8_0 moves logits by up to about this much. */
const TIE_LEAD = 0.15;

const [path, referencePath] = process.argv.slice(2);
if (path === undefined || referencePath === undefined) throw new Error("name a GGUF file and a reference");
const references: Reference[] = JSON.parse(await readFile(referencePath, "utf8"));
const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: LlamaLogLevel.warn });
const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
const context = await model.createContext({ contextSize: 1024, sequences: 1, threads: 1, flashAttention: false });
const sequence = context.getSequence();
const asTokens = (ids: readonly number[]) => ids as Token[];

const agreed = { tokens: 0, text: 0, first: 0, greedy: 0, ties: 0 };
let largest = 0;
let total = 0;
for (const reference of references) {
  const ids = [...(model.tokens.bos === null ? [] : [model.tokens.bos]), ...model.tokenize(reference.text, false)];
  if (ids.join() === reference.ids.join()) agreed.tokens++;
  if (model.detokenize(ids.slice(1)) === reference.text) agreed.text++;
  await sequence.clearHistory();
  const input = asTokens(reference.ids);
  const last = input
    .slice(-1)
    .map((id): [Token, { generateNext: { logits: true } }] => [id, { generateNext: { logits: true } }]);
  const result = await sequence.controlledEvaluate([...input.slice(0, -1), ...last]);
  const logits = result.at(-1)?.next.logits ?? new Map<Token, number>();
  const differences = reference.top.map(([id, logit]) => Math.abs((logits.get(id as Token) ?? Number.NaN) - logit));
  largest = Math.max(largest, ...differences);
  total += differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
  if (logits.keys().next().value === reference.top[0]?.[0]) agreed.first++;
  await sequence.clearHistory();
  const answer: number[] = [];
  for await (const id of sequence.evaluate(input, { temperature: 0, yieldEogToken: true })) {
    answer.push(id);
    if (answer.length === reference.greedy.length) break;
  }
  const turn = answer.findIndex((id, i) => id !== reference.greedy[i]);
  if (turn === -1) agreed.greedy++;
  else if ((reference.margins[turn] ?? 0) < TIE_LEAD) agreed.ties++;
}
const counts = Object.entries(agreed).map(([name, count]) => `${name} ${count}`);
console.log(
  `${path}: of ${references.length} prompts ${counts.join(", ")}; logits differ by ${largest.toFixed(3)} at most, ${(total / references.length).toFixed(3)} on average`,
);
const all = references.length;
const passed =
  agreed.tokens === all && agreed.text === all && agreed.first >= all - 1 && agreed.greedy + agreed.ties === all;
await llama.dispose();
process.exitCode = passed ? 0 : 1;
