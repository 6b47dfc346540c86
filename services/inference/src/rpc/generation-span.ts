// The span of one generation: the engine's stages as numbers and events. What was asked and answered is never on it.
import type { GenerateRequest } from "@chimera/contracts/inference";
import { failSpan, names, tracer } from "@chimera/telemetry";
import type { Span } from "@opentelemetry/api";
import type { CompletePart, EngineDescription, EnginePart } from "../engine/engine.ts";

const MS_PER_S = 1000;

export class GenerationSpan {
  readonly #span: Span;
  #hasText = false;

  /** A child of the span that is active now. */
  constructor({ requestId, messages }: GenerateRequest, { engine, model }: EngineDescription) {
    const attributes = {
      [names.requestId]: requestId,
      [names.genAiOperation]: messages.length > 0 ? "chat" : "text_completion",
      [names.genAiProvider]: engine,
      [names.genAiModel]: model,
    };
    this.#span = tracer().startSpan("inference.generate", { attributes });
  }

  note(part: EnginePart): void {
    if (part.kind === "admitted") {
      this.#span.setAttribute(names.genAiInputTokens, part.promptTokens);
      this.#span.addEvent("admitted");
    } else if (part.kind === "complete") this.#complete(part);
    else if (!this.#hasText) {
      this.#hasText = true;
      this.#span.addEvent("first token");
    }
  }

  fail(error: unknown): void {
    failSpan(this.#span, error);
  }

  end(): void {
    this.#span.end();
  }

  #complete({ finishReason, usage, timings }: CompletePart): void {
    this.#span.setAttributes({
      [names.queueMs]: timings.queueMs,
      [names.prefillMs]: timings.prefillMs,
      [names.genAiTimeToFirstChunk]: timings.firstTokenMs / MS_PER_S,
      [names.genAiCachedTokens]: usage.cachedTokens,
      [names.genAiOutputTokens]: usage.completionTokens,
      [names.genAiFinishReasons]: [finishReason],
    });
  }
}
