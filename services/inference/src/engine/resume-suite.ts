// What every engine must do with an answer that another replica began, as tests: an undisturbed answer is cut everywhere, and
// what goes on behind the cut has to be what was cut off. Part of engine-suite.ts.
import { FailedPreconditionError } from "@chimera/kernel";
import { beforeAll, describe, expect, it } from "vitest";
import type { BegunAnswer, DeltaPart, Engine, EngineRequest, Grammar, Sampling } from "./engine.ts";
import { type Answer, answerOf } from "./read-answer.ts";

/** A grammar, and what follows it. */
export interface Constrained {
  grammar: Grammar;
  matches: RegExp;
}

interface Subject {
  constrained?: readonly Constrained[];
  isRemote?: boolean;
  engine(): Engine;
  request(sampling: Partial<Sampling>): EngineRequest;
}

/** Every token may be drawn. */
const SAMPLED = { temperature: 1, topK: 0, topP: 1, minP: 0 };
const MAX_TOKENS = 24;

export function resumeSuite(subject: Subject): void {
  describe("asked to go on behind an answer that was begun elsewhere", () => {
    if (subject.isRemote) remoteTests(subject);
    else {
      exactTests(subject);
      grammarTests(subject);
      refusalTests(subject);
    }
  });
}

function exactTests({ engine, request }: Subject): void {
  let plain: Answer;
  beforeAll(async () => {
    plain = await answerOf(engine(), request({ maxTokens: MAX_TOKENS }));
  });

  it.each<[string, Partial<Sampling>]>([
    ["greedily", {}],
    ["with a seed", { ...SAMPLED, seed: 11 }],
    ["with a seed, as good as at random", { ...SAMPLED, temperature: 2, seed: 5 }],
    ["under a repetition penalty", { repetitionPenalty: 1.6 }],
    ["with a seed under a repetition penalty", { ...SAMPLED, repetitionPenalty: 1.6, seed: 12 }],
  ])("says the rest of it %s", async (_name, sampling) => {
    await expectSameRest(engine(), request({ maxTokens: MAX_TOKENS, ...sampling }));
  });

  it("ends at a stop text that begins before the cut, wherever it lies", async () => {
    for (const [from, length] of [
      [5, 2],
      [13, 9],
      [plain.text.length - 12, 8],
    ] as const) {
      const stop = [plain.text.slice(from, from + length)];
      const { complete } = await expectSameRest(engine(), request({ maxTokens: MAX_TOKENS, stop }));
      expect(complete.finishReason).toBe("stop");
    }
  });

  it("neither loses nor repeats what was held back for a stop text that did not come", async () => {
    for (const [from, length] of [
      [6, 3],
      [13, 14],
      [plain.text.length - 4, 4],
    ] as const) {
      const stop = [`${plain.text.slice(from, from + length)}@@@`];
      const { text } = await expectSameRest(engine(), request({ maxTokens: MAX_TOKENS, stop }));
      expect(text).toBe(plain.text);
    }
  });

  it("goes on with a chance of its own where no seed was given", async () => {
    const sampled = request({ ...SAMPLED, maxTokens: MAX_TOKENS });
    const begun = cut(await answerOf(engine(), sampled), 3, engine());
    const texts = new Set<string>();
    for (let each = 0; each < 4; each++) {
      const { text, deltas, complete } = await answerOf(engine(), { ...sampled, resume: begun });
      texts.add(text);
      const tokens = deltas.reduce((sum, { tokenCount }) => sum + tokenCount, begun.tokenIds.length);
      // An answer left to chance may also end by itself.
      const { finishReason, usage } = complete;
      expect(usage.completionTokens).toBeLessThanOrEqual(MAX_TOKENS);
      if (finishReason === "length") expect([tokens, usage.completionTokens]).toEqual([MAX_TOKENS, MAX_TOKENS]);
    }
    expect(texts.size).toBeGreaterThan(1);
  });

  it("counts what it draws itself, and nothing of what was sent", async () => {
    const before = engine().describe();
    await answerOf(engine(), { ...request({ maxTokens: MAX_TOKENS }), resume: cut(plain, 5, engine()) });
    const after = engine().describe();
    expect(after.finished - before.finished).toBe(1);
    const { completionTokens } = plain.complete.usage;
    expect(after.generatedTokens - before.generatedTokens).toBe(completionTokens - tokensIn(plain.deltas.slice(0, 5)));
  });

  it("makes do with the text where the tokens are not known", async () => {
    const resume = { ...cut(plain, 5, engine()), tokenIds: [] };
    const rest = await answerOf(engine(), { ...request({ maxTokens: MAX_TOKENS }), resume });
    expect(resume.text + rest.text).toBe(plain.text);
  });

  it("takes one that was not begun as a request like any other", async () => {
    for (const modelVersion of ["", engine().describe().modelVersion]) {
      const resume = { text: "", tokenIds: [], modelVersion };
      const answer = await answerOf(engine(), { ...request({ maxTokens: MAX_TOKENS }), resume });
      expect(answer.text).toBe(plain.text);
    }
  });
}

function grammarTests({ constrained = [], engine, request }: Subject): void {
  if (constrained.length === 0) return;
  it.each<[string, Partial<Sampling>]>([
    ["greedily", {}],
    ["with a seed, under a repetition penalty", { ...SAMPLED, temperature: 1.5, seed: 3, repetitionPenalty: 1.3 }],
  ])("says the rest of one that follows a grammar, %s", async (_name, sampling) => {
    for (const { grammar, matches } of constrained) {
      const { text } = await expectSameRest(engine(), request({ maxTokens: 300, stop: [], ...sampling, grammar }));
      expect(text).toMatch(matches);
    }
  });

  it("follows the grammar to its end where no seed was given", async () => {
    for (const { grammar, matches } of constrained) {
      const sampled = request({ ...SAMPLED, temperature: 1.5, maxTokens: 300, stop: [], grammar });
      const begun = await answerOf(engine(), sampled);
      for (const at of cutsOf(begun)) {
        const resume = cut(begun, at, engine());
        expect(resume.text + (await answerOf(engine(), { ...sampled, resume })).text).toMatch(matches);
      }
    }
  });
}

function refusalTests({ engine, request }: Subject): void {
  it("refuses, before any work, what it did not begin or can not have begun", async () => {
    const asked = request({ ...SAMPLED, seed: 11, maxTokens: MAX_TOKENS });
    const begun = cut(await answerOf(engine(), asked), 8, engine());
    const before = engine().describe();
    // One that the engine can only tell apart where it draws the same again is in the next test.
    const bad: [Partial<BegunAnswer>, RegExp][] = [
      [{ modelVersion: "0123456789abcdef" }, /can not go on: model version 0123456789abcdef .*is served here/],
      [{ text: `x${begun.text}` }, /can not go on: its text/],
      [{ text: `${begun.text}x` }, /can not go on: its text/],
      [{ tokenIds: [...begun.tokenIds.slice(0, -1), 4_000_000] }, /can not go on: /],
      [{ tokenIds: Array.from({ length: MAX_TOKENS + 1 }, () => begun.tokenIds[0] ?? 0) }, /can not go on/],
    ];
    for (const [change, reason] of bad) {
      const failure: unknown = await answerOf(engine(), { ...asked, resume: { ...begun, ...change } }).catch(
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(FailedPreconditionError);
      expect(failure).toMatchObject({ message: expect.stringMatching(reason) });
    }
    expect(engine().describe()).toEqual(before);
  });

  it("refuses what another seed began", async () => {
    const asked = (seed: number) => request({ ...SAMPLED, temperature: 1.5, seed, maxTokens: MAX_TOKENS });
    const begun = await answerOf(engine(), asked(21));
    const resume = cut(begun, begun.deltas.length - 4, engine());
    await expect(answerOf(engine(), { ...asked(22), resume })).rejects.toThrow(/can not go on: other .* drawn/);
    expect(engine().describe()).toMatchObject({ busySlots: 0, activeGenerations: 0 });
  });
}

function remoteTests({ engine, request }: Subject): void {
  it("goes on behind the text, or says that it can not", async () => {
    const asked = request({ maxTokens: MAX_TOKENS });
    const plain = await answerOf(engine(), asked);
    const resume = cut(plain, 5, engine());
    const rest = await answerOf(engine(), { ...asked, resume }).catch((error: unknown) => error);
    if (rest instanceof FailedPreconditionError) return;
    const { text, complete } = rest as Answer;
    expect(text.length).toBeGreaterThan(0);
    expect(complete.usage.completionTokens).toBeGreaterThan(0);
    expect(complete.finishReason).toBe("length");
  });
}

/** Cuts the undisturbed answer at every place worth it, and returns it. */
async function expectSameRest(engine: Engine, request: EngineRequest): Promise<Answer> {
  const whole = await answerOf(engine, request);
  for (const at of cutsOf(whole)) {
    const begun = cut(whole, at, engine);
    const rest = await answerOf(engine, { ...request, resume: begun });
    expect(begun.text + rest.text).toBe(whole.text);
    expect([...begun.tokenIds, ...idsIn(rest.deltas)]).toEqual(idsIn(whole.deltas));
    expect(tokensIn(rest.deltas)).toBe(tokensIn(whole.deltas.slice(at)));
    const { promptTokens, completionTokens } = whole.complete.usage;
    expect(rest.complete).toMatchObject({
      finishReason: whole.complete.finishReason,
      usage: { promptTokens, completionTokens },
    });
    expect(rest.parts[0]).toEqual(whole.parts[0]);
  }
  return whole;
}

/** Before the first delta, behind the last, behind every third, and around the middle and the end. */
function cutsOf({ deltas }: Answer): number[] {
  const n = deltas.length;
  const middle = Math.floor(n / 2);
  return Array.from({ length: n + 1 }, (_, at) => at).filter(
    (at) => at < 2 || at > n - 3 || Math.abs(at - middle) < 2 || at % 3 === 0,
  );
}

function cut({ deltas }: Answer, at: number, engine: Engine): BegunAnswer {
  const sent = deltas.slice(0, at);
  const text = sent.map((delta) => delta.text).join("");
  return { text, tokenIds: idsIn(sent), modelVersion: engine.describe().modelVersion };
}

const idsIn = (deltas: readonly DeltaPart[]) => deltas.flatMap(({ tokenIds }) => tokenIds ?? []);
const tokensIn = (deltas: readonly DeltaPart[]) => deltas.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
