// What every engine must do, as tests: an engine's own test file calls this once with prompts that suit its model.
import {
  CancelledError,
  DeadlineExceededError,
  FailedPreconditionError,
  InvalidRequestError,
  OverloadedError,
  UnavailableError,
} from "@chimera/kernel";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine, EngineInput, EngineLoad, EnginePart, EngineRequest, Sampling, WarmedPrefix } from "./engine.ts";
import { type Answer, answerOf } from "./read-answer.ts";
import { type Constrained, resumeSuite } from "./resume-suite.ts";

export { type Answer, answerOf };

export interface EngineFixture {
  name: string;
  /** Each call a fresh engine. */
  open(options: { slots: number; maxQueued: number }): Promise<Engine>;
  /** A prompt whose answer, with `endless` sampling, goes on until max_tokens. */
  prompt: string;
  endless: Partial<Sampling>;
  /** Takes the engine many steps to compute before the first token. */
  longPrompt: string;
  /** Tokens an engine may run ahead of a reader that stopped reading. */
  aheadTokens: number;
  /** For engines that follow grammars: some, and what follows them. */
  constrained?: readonly Constrained[];
  /** How a text of this suite is asked; as a plain prompt where unset. */
  input?(text: string): EngineInput;
  /**
   * Set where a server behind the engine has the tokenizer and the state: counts are exact in the last part and estimates
   * before it, and how much of a prompt is kept is the server's affair.
   */
  isRemote?: boolean;
  /** Set where the server may keep an end to itself that only looked like a stop text when the limit ended the answer. */
  mayDropHeldEnd?: boolean;
}

const never = new AbortController().signal;

/** Resolves once `condition` holds, looking again whenever the event loop has turned. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

function matches(seen: object, expected: object): boolean {
  return Object.entries(expected).every(([key, value]) => Reflect.get(seen, key) === value);
}

export function engineSuite(fixture: EngineFixture): void {
  describe(`${fixture.name} engine`, () => {
    let engine: Engine;
    const inputOf = fixture.input ?? ((prompt: string): EngineInput => ({ kind: "prompt", prompt }));
    const request = (sampling: Partial<Sampling> = {}): EngineRequest => ({
      input: inputOf(fixture.prompt),
      sampling: { temperature: 0, ...fixture.endless, ...sampling },
    });

    beforeAll(async () => {
      engine = await fixture.open({ slots: 2, maxQueued: 1 });
    });
    afterAll(() => engine.dispose());

    it("sends admitted, then deltas that have text, then complete", async () => {
      const { parts, deltas } = await answerOf(engine, request({ maxTokens: 20 }));
      expect(parts[0]?.kind).toBe("admitted");
      expect(parts.slice(1, -1).every((part) => part.kind === "delta")).toBe(true);
      expect(deltas.length).toBeGreaterThan(0);
      expect(deltas.every((delta) => delta.text !== "")).toBe(true);
    });

    it("sends the tokens in order: a shorter answer is the beginning of a longer one", async () => {
      const long = await answerOf(engine, request({ maxTokens: 40 }));
      const short = await answerOf(engine, request({ maxTokens: 15 }));
      expect(short.text.length).toBeGreaterThan(0);
      expect(long.text.startsWith(short.text)).toBe(true);
      expect(long.text.length).toBeGreaterThan(short.text.length);
    });

    it("counts exactly: usage, deltas and its own counter agree", async () => {
      const before = engine.describe();
      const { parts, deltas, complete } = await answerOf(engine, request({ maxTokens: 33 }));
      const after = engine.describe();
      expect(complete.finishReason).toBe("length");
      expect(complete.usage.completionTokens).toBe(33);
      const inDeltas = deltas.reduce((sum, delta) => sum + delta.tokenCount, 0);
      if (fixture.isRemote) expect(inDeltas).toBeLessThanOrEqual(33);
      else expect(inDeltas).toBe(33);
      // An engine names all tokens or none.
      const named = deltas.map(({ tokenCount, tokenIds }) => tokenIds?.length ?? tokenCount);
      expect(named).toEqual(deltas.map(({ tokenCount }) => tokenCount));
      if (!fixture.isRemote) expect(deltas[0]?.tokenIds).toBeDefined();
      expect(after.generatedTokens - before.generatedTokens).toBe(33);
      expect(after.finished - before.finished).toBe(1);
      const admitted = parts[0];
      const promptTokens = fixture.isRemote ? expect.any(Number) : complete.usage.promptTokens;
      expect(admitted).toEqual({ kind: "admitted", promptTokens });
      expect(complete.usage.cachedTokens).toBeLessThan(complete.usage.promptTokens);
    });

    it("times its stages in order", async () => {
      const { timings } = (await answerOf(engine, request({ maxTokens: 5 }))).complete;
      expect(timings.queueMs).toBeGreaterThanOrEqual(0);
      expect(timings.prefillMs).toBeGreaterThan(0);
      expect(timings.firstTokenMs).toBeCloseTo(timings.queueMs + timings.prefillMs, 6);
      expect(timings.totalMs).toBeGreaterThan(timings.firstTokenMs);
    });

    it("cuts exactly before a stop text, wherever it lies", async () => {
      const { text } = await answerOf(engine, request({ maxTokens: 40 }));
      for (const [from, length] of [
        [1, 1],
        [7, 9],
        [13, 3],
        [21, 17],
      ] as const) {
        const stop = text.slice(from, from + length);
        const stopped = await answerOf(engine, request({ maxTokens: 40, stop: [stop] }));
        expect(stopped.complete.finishReason).toBe("stop");
        expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
      }
    });

    it("sends the end that only looked like a stop text", async () => {
      const { text } = await answerOf(engine, request({ maxTokens: 30 }));
      const answer = await answerOf(engine, request({ maxTokens: 30, stop: [`${text.slice(-5)}@@@`] }));
      if (fixture.mayDropHeldEnd) expect(text.startsWith(answer.text)).toBe(true);
      else expect(answer.text).toBe(text);
      expect(answer.complete.finishReason).toBe("length");
    });

    it("is repeatable with a seed, the largest one too, and not with another", async () => {
      const texts = new Set<string>();
      for (const seed of [1, 2, 3, 4, 2 ** 32 - 1]) {
        const sampling = { temperature: 1.5, topK: 0, topP: 1, minP: 0, seed, maxTokens: 24 };
        const first = await answerOf(engine, request(sampling));
        const second = await answerOf(engine, request(sampling));
        expect(second.text).toBe(first.text);
        texts.add(first.text);
      }
      expect(texts.size).toBeGreaterThan(1);
    });

    it("draws another seed for every request that names none", async () => {
      const sampling = { temperature: 1.5, topK: 0, topP: 1, minP: 0, maxTokens: 40 };
      const answers = await Promise.all([answerOf(engine, request(sampling)), answerOf(engine, request(sampling))]);
      expect(answers[0]?.text).not.toBe(answers[1]?.text);
    });

    it("does nothing for a caller that has already left", async () => {
      const before = engine.describe();
      await expect(answerOf(engine, request(), AbortSignal.abort())).rejects.toBeInstanceOf(CancelledError);
      expect(engine.describe()).toEqual(before);
    });

    it("stops in the middle of an answer when the signal aborts, and frees the slot", async () => {
      const before = engine.describe();
      const caller = new AbortController();
      let seen = 0;
      const reading = (async () => {
        for await (const part of engine.generate(request({ maxTokens: 600 }), caller.signal)) {
          if (part.kind === "delta" && ++seen === 3) caller.abort();
        }
      })();
      await expect(reading).rejects.toBeInstanceOf(CancelledError);
      const after = engine.describe();
      expect(after).toMatchObject({ activeGenerations: 0, busySlots: 0, cancelled: before.cancelled + 1 });
      expect(after.finished).toBe(before.finished);
      expect(after.generatedTokens - before.generatedTokens).toBeLessThan(600);
    });

    it("ends as late where the signal says so: in the middle of an answer and while it waits", async () => {
      const before = engine.describe();
      const late = new AbortController();
      const deadline = new DeadlineExceededError("took too long");
      const holders = [1, 2].map(() =>
        engine.generate(request({ maxTokens: 600 }), late.signal)[Symbol.asyncIterator](),
      );
      for (const holder of holders) await holder.next();
      const waiting = answerOf(engine, request(), late.signal);
      await until(() => engine.describe().queued === 1);
      const [running, other] = holders.map(async (holder) => {
        while (!(await holder.next()).done);
      });
      const ended = Promise.allSettled([waiting, running, other]);
      late.abort(deadline);
      for (const outcome of await ended) expect(outcome).toMatchObject({ status: "rejected", reason: deadline });
      const { cancelled } = engine.describe();
      expect(cancelled).toBe(before.cancelled + 3);
      expect(engine.describe()).toMatchObject({ activeGenerations: 0, busySlots: 0, queued: 0 });
    });

    it("reports its load as requests come, wait and go, and tells whoever listens", async () => {
      let changes = 0;
      const unsubscribe = engine.onLoadChange(() => void changes++);
      const untilTold = async (expected: Partial<EngineLoad>) => {
        await until(() => matches(engine.load(), expected) && changes > 0);
        changes = 0;
      };
      expect(engine.load()).toMatchObject({ slots: 2, busySlots: 0, maxQueued: 1, queuedRequests: 0 });
      const holders = [1, 2].map(() => engine.generate(request({ maxTokens: 600 }), never)[Symbol.asyncIterator]());
      for (const holder of holders) await holder.next();
      await untilTold({ busySlots: 2, activeGenerations: 2, queuedRequests: 0 });
      const caller = new AbortController();
      const waiting = answerOf(engine, request(), caller.signal);
      await untilTold({ busySlots: 2, queuedRequests: 1 });
      caller.abort();
      await expect(waiting).rejects.toBeInstanceOf(CancelledError);
      await untilTold({ queuedRequests: 0, queuedUncachedTokens: 0 });
      for (const holder of holders) await holder.return?.();
      await untilTold({ busySlots: 0, activeGenerations: 0 });
      const { kvTokens, kvCapacityTokens, prefillTokensPerS } = engine.load();
      expect(kvTokens).toBeLessThanOrEqual(kvCapacityTokens);
      expect(prefillTokensPerS ?? 1).toBeGreaterThan(0);
      unsubscribe();
      await answerOf(engine, request({ maxTokens: 2 }));
      await new Promise((resolve) => setTimeout(resolve));
      expect(changes).toBe(0);
    });

    it("changes its limits while it serves", async () => {
      const hold = async () => {
        const holder = engine.generate(request({ maxTokens: 600 }), never)[Symbol.asyncIterator]();
        await holder.next();
        return holder;
      };
      const busy = (busySlots: number, queued: number) =>
        until(() => matches(engine.describe(), { busySlots, queued }));
      expect(engine.setLimits({ slots: 1 })).toEqual({ slots: 1, maxQueued: 1 });
      expect(engine.describe()).toMatchObject({ slots: 1, maxQueued: 1 });
      const [first, second] = [await hold(), await hold()];
      await busy(1, 1);
      await expect(answerOf(engine, request())).rejects.toBeInstanceOf(OverloadedError);
      // Raised, and what waits starts at once.
      expect(engine.setLimits({ slots: 2, maxQueued: 2 })).toEqual({ slots: 2, maxQueued: 2 });
      await busy(2, 0);
      // Lowered, and what runs goes on; nobody starts before as few are left.
      engine.setLimits({ slots: 1 });
      const third = await hold();
      await busy(2, 1);
      await first.return?.();
      await busy(1, 1);
      await second.return?.();
      await busy(1, 0);
      engine.setLimits({ maxQueued: 0 });
      await expect(answerOf(engine, request())).rejects.toBeInstanceOf(OverloadedError);
      await third.return?.();
      expect(engine.setLimits({ slots: 2, maxQueued: 1 })).toEqual({ slots: 2, maxQueued: 1 });
      expect(() => engine.setLimits({ slots: 0 })).toThrow(InvalidRequestError);
      expect(() => engine.setLimits({ maxQueued: -1 })).toThrow(InvalidRequestError);
      expect(engine.setLimits({})).toEqual({ slots: 2, maxQueued: 1 });
    });

    describe("asked to warm a prefix", () => {
      let other: Engine;
      beforeAll(async () => {
        other = await fixture.open({ slots: 1, maxQueued: 1 });
      });
      afterAll(() => other.dispose());

      it("has it for what begins with it, or says that it can not", async () => {
        const prefix = inputOf(fixture.longPrompt);
        const warmed: unknown = await other.warmPrefix(prefix, never).catch((error: unknown) => error);
        if (warmed instanceof FailedPreconditionError) return;
        const { id, tokens } = warmed as WarmedPrefix;
        expect(tokens).toBeGreaterThan(1);
        expect(other.load().warmPrefixes).toEqual([id]);
        const input = inputOf(`${fixture.longPrompt}${fixture.prompt}`);
        const { usage } = (await answerOf(other, { input, sampling: { maxTokens: 2 } })).complete;
        const again = await other.warmPrefix(prefix, never);
        expect(again).toMatchObject({ id, tokens });
        if (!fixture.isRemote) {
          expect(usage.cachedTokens).toBeGreaterThanOrEqual(tokens);
          expect(again.cachedTokens).toBe(tokens);
        }
        await expect(other.warmPrefix(input, AbortSignal.abort())).rejects.toBeInstanceOf(CancelledError);
        const tooLong = inputOf(fixture.longPrompt.repeat(100));
        await expect(other.warmPrefix(tooLong, never)).rejects.toBeInstanceOf(InvalidRequestError);
        expect(other.describe()).toMatchObject({ busySlots: 0, queued: 0 });
      });
    });

    resumeSuite({ ...fixture, engine: () => engine, request });

    it("stops when its reader leaves the loop", async () => {
      const before = engine.describe();
      for await (const part of engine.generate(request({ maxTokens: 600 }), never)) if (part.kind === "delta") break;
      const after = engine.describe();
      expect(after).toMatchObject({ activeGenerations: 0, busySlots: 0, cancelled: before.cancelled + 1 });
      expect(after.generatedTokens - before.generatedTokens).toBeLessThan(600);
    });

    it("stops inside a long prompt, before the first token, and the slot still answers right", async () => {
      const expected = await answerOf(engine, request({ maxTokens: 20 }));
      const before = engine.describe();
      const caller = new AbortController();
      const input = inputOf(fixture.longPrompt);
      const long: EngineRequest = { input, sampling: { ...fixture.endless, maxTokens: 8 } };
      const reading = answerOf(engine, long, caller.signal);
      await until(() => engine.describe().activeGenerations === 1);
      caller.abort();
      await expect(reading).rejects.toBeInstanceOf(CancelledError);
      const after = engine.describe();
      expect(after).toMatchObject({ activeGenerations: 0, busySlots: 0, cancelled: before.cancelled + 1 });
      expect(after.generatedTokens).toBe(before.generatedTokens);
      // Most of the prompt was never computed: nothing of it is there to be reused.
      const { usage } = (await answerOf(engine, long)).complete;
      if (!fixture.isRemote) expect(usage.cachedTokens).toBeLessThan(usage.promptTokens / 2);
      for (const answer of await Promise.all([1, 2].map(() => answerOf(engine, request({ maxTokens: 20 }))))) {
        expect(answer.text).toBe(expected.text);
      }
    });

    it("refuses one request too many, lets a waiting one leave, and serves the rest in order of arrival", async () => {
      const before = engine.describe();
      // Two readers that have taken one part each keep both slots.
      const holders = [1, 2].map(() => engine.generate(request({ maxTokens: 600 }), never)[Symbol.asyncIterator]());
      for (const holder of holders) await holder.next();
      const caller = new AbortController();
      const waiting = answerOf(engine, request({ maxTokens: 2 }), caller.signal);
      await until(() => engine.describe().queued === 1);
      const refusal = answerOf(engine, request({ maxTokens: 2 }));
      await expect(refusal).rejects.toSatisfy(
        (error) => error instanceof OverloadedError && (error.retryAfterMs ?? 0) > 0,
      );
      caller.abort();
      await expect(waiting).rejects.toBeInstanceOf(CancelledError);
      expect(engine.describe()).toMatchObject({ queued: 0, busySlots: 2, cancelled: before.cancelled + 1 });
      const next = answerOf(engine, request({ maxTokens: 2 }));
      for (const holder of holders) await holder.return?.();
      expect((await next).complete.usage.completionTokens).toBe(2);
      expect(engine.describe()).toMatchObject({ queued: 0, busySlots: 0, activeGenerations: 0 });
    });

    it("waits for a reader that stopped reading while others go on, then gives it everything", async () => {
      const expected = await answerOf(engine, request({ maxTokens: 300 }));
      const before = engine.describe().generatedTokens;
      const slow = engine.generate(request({ maxTokens: 300 }), never)[Symbol.asyncIterator]();
      await slow.next();
      const other = await answerOf(engine, request({ maxTokens: 300 }));
      expect(other.text).toBe(expected.text);
      const aheadTokens = engine.describe().generatedTokens - before - 300;
      expect(aheadTokens).toBeGreaterThan(0);
      expect(aheadTokens).toBeLessThanOrEqual(fixture.aheadTokens);
      expect(engine.describe().activeGenerations).toBe(1);
      const rest: EnginePart[] = [];
      for (let step = await slow.next(); !step.done; step = await slow.next()) rest.push(step.value);
      const deltas = rest.filter((part) => part.kind === "delta");
      expect(deltas.map((delta) => delta.text).join("")).toBe(expected.text);
      // What had piled up came as one part, with its tokens.
      expect(deltas[0]?.tokenCount).toBeGreaterThan(1);
      if (!fixture.isRemote) expect(deltas[0]?.tokenIds).toHaveLength(deltas[0]?.tokenCount ?? 0);
      expect(rest.at(-1)).toMatchObject({ kind: "complete", usage: { completionTokens: 300 } });
    });

    it("refuses what can not fit before any work, naming field and sizes", async () => {
      const before = engine.describe();
      const { contextTokens } = before;
      const tooMany = await refusalOf(engine, request({ maxTokens: contextTokens }));
      expect(tooMany.violations[0]?.field).toBe("sampling.max_tokens");
      expect(tooMany.message).toContain(String(contextTokens));
      const input = inputOf(fixture.longPrompt.repeat(Math.ceil(contextTokens / 100)));
      const tooLong = await refusalOf(engine, { input, sampling: {} });
      expect(tooLong.violations[0]?.field).toBe(input.kind);
      expect(tooLong.message).toContain(String(contextTokens));
      expect(engine.describe()).toEqual(before);
    });

    it("refuses an empty prompt", async () => {
      const refusal = await refusalOf(engine, { input: { kind: "prompt", prompt: "" }, sampling: {} });
      expect(refusal.violations[0]?.field).toBe("prompt");
    });

    it("refuses values it does not know instead of clamping them", async () => {
      const bad: Partial<Sampling>[] = [
        { temperature: Number.NaN },
        { temperature: -0.1 },
        { topP: 0 },
        { topK: 1.5 },
        { minP: 2 },
        { repetitionPenalty: 0 },
        { seed: -1 },
        { maxTokens: 0 },
        { stop: [""] },
      ];
      for (const sampling of bad) {
        const refusal = await refusalOf(engine, request(sampling));
        expect(refusal.violations).toHaveLength(1);
      }
    });

    it("ends open streams as unavailable when it is disposed, and takes no more", async () => {
      const other = await fixture.open({ slots: 1, maxQueued: 1 });
      const running = answerOf(other, request({ maxTokens: 600 }));
      const waiting = answerOf(other, request({ maxTokens: 600 }));
      const ended = Promise.allSettled([running, waiting]);
      await until(() => other.describe().queued === 1);
      await other.dispose();
      for (const outcome of await ended) {
        expect(outcome.status === "rejected" && outcome.reason).toBeInstanceOf(UnavailableError);
      }
      await expect(answerOf(other, request())).rejects.toBeInstanceOf(UnavailableError);
    });
  });
}

async function refusalOf(engine: Engine, request: EngineRequest): Promise<InvalidRequestError> {
  const error: unknown = await answerOf(engine, request).catch((thrown: unknown) => thrown);
  if (!(error instanceof InvalidRequestError)) throw new Error(`expected a refusal, got ${String(error)}`);
  return error;
}
