// Scores a GGUF on the ticket data sets through node-llama-cpp, as the service runs it: one thread, eight sequences.
// Usage: node measure.ts MODEL.gguf [--split holdout] [--out FILE.json]
import { writeFile } from "node:fs/promises";
import { cpuUsage } from "node:process";
import { parseArgs } from "node:util";
import * as tickets from "@chimera/tickets";
import { getLlama, type LlamaContextSequence, LlamaLogLevel, type LlamaModel, type Token } from "node-llama-cpp";

const SLOTS = 8;
const LONGEST_ANSWER = 16;
const SEED = 1000;
const NOVELTIES = ["known", "phrasing", "jargon", "word"] as const;

interface Setting {
  form: "plain" | "kv" | "json";
  shots: number;
  choice: "fixed" | "similar";
  temperature: number;
}

const SETTINGS: readonly Setting[] = [
  { form: "plain", shots: 0, choice: "fixed", temperature: 1 },
  { form: "plain", shots: 0, choice: "fixed", temperature: 0 },
  { form: "kv", shots: 0, choice: "fixed", temperature: 1 },
  { form: "kv", shots: 0, choice: "fixed", temperature: 0 },
  { form: "kv", shots: 4, choice: "fixed", temperature: 0 },
  { form: "kv", shots: 2, choice: "similar", temperature: 0 },
  { form: "kv", shots: 4, choice: "similar", temperature: 0 },
  { form: "kv", shots: 4, choice: "similar", temperature: 1 },
  { form: "kv", shots: 8, choice: "similar", temperature: 0 },
];

type Ticket = Awaited<ReturnType<typeof tickets.loadTickets>>[number];

const { values, positionals } = parseArgs({
  options: {
    split: { type: "string", default: "holdout" },
    out: { type: "string" },
    only: { type: "string" },
  },
  allowPositionals: true,
});
const [path] = positionals;
if (path === undefined) throw new Error("name a GGUF file");
const split = tickets.SPLITS.find((name) => name === values.split);
if (split === undefined) throw new Error(`--split must be one of ${tickets.SPLITS.join(", ")}`);

const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: LlamaLogLevel.warn });
const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
const context = await model.createContext({
  contextSize: 1024,
  sequences: SLOTS,
  batchSize: 512,
  threads: 1,
  flashAttention: false,
});
const slots = Array.from({ length: SLOTS }, () => context.getSequence());
const asked = await tickets.loadTickets(split);
const history = Map.groupBy(
  (await tickets.loadTickets("history")).map((ticket) => ({ ...ticket, text: ticket.input })),
  (ticket) => ticket.tenant,
);
const weights = tickets.wordWeights([...history.values()].flat().map((ticket) => ticket.text));

function promptFor(ticket: Ticket, { form, shots, choice }: Setting): { text: string; isExplained: boolean } {
  const render = tickets.PROMPT_FORMS[form];
  const pool = history.get(ticket.tenant) ?? [];
  const shown =
    choice === "fixed" ? pool.slice(0, shots) : tickets.mostSimilar(ticket.input, pool, { count: shots, weights });
  const solved = shown.flatMap((shot) => render(shot.input, [shot.intent, "intent"], [shot.priority, "priority"]));
  const open = render(ticket.input, ["", "intent"], ["", "priority"]).slice(0, 1);
  const [word] = tickets.jargonWordsIn(ticket.input);
  return {
    text: `${tickets.SYSTEM_LINE}\n${[...solved, ...open].map(([text]) => text).join("")}`,
    isExplained: word !== undefined && shown.some((shot) => shot.input.split(" ").includes(word)),
  };
}

function encode(source: LlamaModel, text: string): Token[] {
  const { bos } = source.tokens;
  return [...(bos === null ? [] : [bos]), ...source.tokenize(text, false)];
}

interface AnswerOptions {
  slot: LlamaContextSequence;
  ids: Token[];
  temperature: number;
  seed: number;
}

async function answer({ slot, ids, temperature, seed }: AnswerOptions): Promise<string> {
  await slot.adaptStateToTokens(ids.slice(0, -1), false);
  const out: Token[] = [];
  for await (const id of slot.evaluate(ids.slice(slot.nextTokenIndex), { temperature, seed, yieldEogToken: true })) {
    if (model.isEogToken(id)) break;
    out.push(id);
    if (model.detokenize([id]).includes("\n") || out.length === LONGEST_ANSWER) break;
  }
  return model.detokenize(out);
}

// "refund normal", intent=refund priority=normal and {"intent":"refund","priority":"normal"} all hold the two words in order.
function labelsIn(text: string): { intent: string | undefined; priority: string | undefined } {
  const words: readonly string[] = text.match(/[a-z]+/g) ?? [];
  return {
    intent: tickets.INTENTS.find((label) => words.includes(label)),
    priority: tickets.PRIORITIES.find((label) => words.includes(label)),
  };
}

const percent = (share: number) => Math.round(share * 1000) / 10;

async function measure(setting: Setting) {
  const guesses: { ticket: Ticket; intent: string | undefined; priority: string | undefined; isExplained: boolean }[] =
    [];
  let next = 0;
  let promptTokens = 0;
  const before = cpuUsage();
  await Promise.all(
    slots.map(async (slot) => {
      for (let i = next++; i < asked.length; i = next++) {
        const ticket = asked[i];
        if (ticket === undefined) break;
        const { text, isExplained } = promptFor(ticket, setting);
        const ids = encode(model, text);
        promptTokens += ids.length;
        const out = await answer({ slot, ids, temperature: setting.temperature, seed: SEED + i });
        guesses[i] = { ticket, isExplained, ...labelsIn(out) };
      }
    }),
  );
  const cpu = cpuUsage(before);
  const share = (list: typeof guesses, right: (guess: (typeof guesses)[number]) => boolean) =>
    percent(list.filter(right).length / list.length);
  const isRight = (guess: (typeof guesses)[number]) => guess.intent === guess.ticket.intent;
  const f1 = tickets.INTENTS.map((intent) => {
    const count = (test: (guess: (typeof guesses)[number]) => boolean) => guesses.filter(test).length;
    const hits = count((guess) => guess.intent === intent && isRight(guess));
    const sum = count((guess) => guess.intent === intent) + count((guess) => guess.ticket.intent === intent);
    return sum === 0 ? 0 : (2 * hits) / sum;
  });
  const byNovelty = Map.groupBy(guesses, (guess) => tickets.noveltyOf(guess.ticket.input));
  const made = guesses.filter((guess) => tickets.jargonWordsIn(guess.ticket.input).length > 0);
  return {
    ...setting,
    tickets: guesses.length,
    intent: share(guesses, isRight),
    macroF1: percent(f1.reduce((sum, value) => sum + value, 0) / f1.length),
    priority: share(guesses, (guess) => guess.priority === guess.ticket.priority),
    ...Object.fromEntries(NOVELTIES.map((name) => [name, share(byNovelty.get(name) ?? [], isRight)])),
    explained: share(made, (guess) => guess.isExplained),
    malformed: share(guesses, (guess) => guess.intent === undefined || guess.priority === undefined),
    promptTokens: Math.round(promptTokens / guesses.length),
    cpuMs: Math.round((cpu.user + cpu.system) / 100 / guesses.length) / 10,
  };
}

const counts = Map.groupBy(asked, (ticket) => tickets.noveltyOf(ticket.input));
console.log(
  `${path}, ${split}: ${NOVELTIES.map((name) => `${name} ${counts.get(name)?.length ?? 0}`).join(", ")} tickets`,
);
const results: Awaited<ReturnType<typeof measure>>[] = [];
for (const setting of SETTINGS) {
  if (
    values.only !== undefined &&
    !values.only.split(",").includes(`${setting.form}${setting.shots}${setting.choice}${setting.temperature}`)
  )
    continue;
  const result = await measure(setting);
  results.push(result);
  console.log(JSON.stringify(result));
}
if (values.out !== undefined) await writeFile(values.out, `${JSON.stringify({ split, results }, undefined, 2)}\n`);
await llama.dispose();
