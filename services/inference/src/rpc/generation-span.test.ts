import { create } from "@bufbuild/protobuf";
import { GenerateRequestSchema } from "@chimera/contracts/inference";
import { type Attributes, type Span, trace } from "@opentelemetry/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineDescription } from "../engine/engine.ts";
import { GenerationSpan } from "./generation-span.ts";

/** What a span was told, through the tracing API alone. */
const recorded: { name: string; attributes: Attributes; events: string[]; ended: number } = {
  name: "",
  attributes: {},
  events: [],
  ended: 0,
};

const span = {
  setAttribute(key: string, value: string) {
    recorded.attributes[key] = value;
    return span;
  },
  setAttributes(attributes: Attributes) {
    Object.assign(recorded.attributes, attributes);
    return span;
  },
  addEvent(name: string) {
    recorded.events.push(name);
    return span;
  },
  setStatus: () => span,
  end() {
    recorded.ended++;
  },
} as unknown as Span;

const startSpan = (name: string, options: { attributes: Attributes }) => {
  Object.assign(recorded, { name, attributes: { ...options.attributes } });
  return span;
};

const served = { engine: "llama", model: "triage-1.4m" } as EngineDescription;

describe("the span of a generation", () => {
  beforeAll(() => {
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan: startSpan }) as never });
  });
  afterAll(() => trace.disable());

  it("carries the stages and counts, and nothing of the text", () => {
    const generation = new GenerationSpan(create(GenerateRequestSchema, { requestId: "r1", prompt: "secret" }), served);
    generation.note({ kind: "admitted", promptTokens: 40 });
    generation.note({ kind: "delta", text: "secret", tokenCount: 1 });
    generation.note({ kind: "delta", text: "answer", tokenCount: 1 });
    generation.note({
      kind: "complete",
      finishReason: "stop",
      usage: { promptTokens: 40, cachedTokens: 12, completionTokens: 3 },
      timings: { queueMs: 1, prefillMs: 5, firstTokenMs: 6, totalMs: 9 },
    });
    generation.end();
    expect(recorded).toEqual({
      name: "inference.generate",
      attributes: {
        "chimera.request.id": "r1",
        "gen_ai.operation.name": "text_completion",
        "gen_ai.provider.name": "llama",
        "gen_ai.request.model": "triage-1.4m",
        "gen_ai.usage.input_tokens": 40,
        "gen_ai.usage.cache_read.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.006,
        "chimera.inference.queue_ms": 1,
        "chimera.inference.prefill_ms": 5,
      },
      events: ["admitted", "first token"],
      ended: 1,
    });
  });
});
