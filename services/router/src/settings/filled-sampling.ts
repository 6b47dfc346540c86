// What a request leaves unset, from the mesh's settings. Nothing a caller sets is changed.
import { create } from "@bufbuild/protobuf";
import { type SamplingParams, SamplingParamsSchema } from "@chimera/contracts/common";

/** `defaults`: the first that sets a value counts. */
export function filledSampling(
  asked: SamplingParams | undefined,
  ...defaults: readonly (SamplingParams | undefined)[]
): SamplingParams | undefined {
  return defaults.reduce((filled, next) => (next ? filledFrom(filled, next) : filled), asked);
}

function filledFrom(asked: SamplingParams | undefined, byDefault: SamplingParams): SamplingParams {
  if (asked === undefined) return byDefault;
  // Who sets the form of an answer sets all of it: another form, or where it stops, would contradict it.
  const hasForm = asked.jsonSchema !== undefined || asked.grammar !== undefined;
  return create(SamplingParamsSchema, {
    ...asked,
    temperature: asked.temperature ?? byDefault.temperature,
    topP: asked.topP ?? byDefault.topP,
    topK: asked.topK ?? byDefault.topK,
    minP: asked.minP ?? byDefault.minP,
    repetitionPenalty: asked.repetitionPenalty ?? byDefault.repetitionPenalty,
    seed: asked.seed ?? byDefault.seed,
    maxTokens: asked.maxTokens ?? byDefault.maxTokens,
    stop: asked.stop.length > 0 || hasForm ? asked.stop : byDefault.stop,
    jsonSchema: hasForm ? asked.jsonSchema : byDefault.jsonSchema,
    grammar: hasForm ? asked.grammar : byDefault.grammar,
  });
}
