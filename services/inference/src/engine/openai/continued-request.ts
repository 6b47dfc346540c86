// Going on behind an answer that another replica began, on a server that takes prompts: what was sent becomes the end of the
// prompt. The server cuts it into tokens of its own, so what follows may differ from the answer that was lost, and how many
// tokens were sent is an estimate.
import { begunHere, canNotGoOn } from "../begun-answer.ts";
import type { EngineRequest } from "../engine.ts";
import type { OpenedServer } from "./open-server.ts";
import type { PromptEstimate } from "./prompt-estimate.ts";

export interface ContinuedRequest {
  /** As it is sent: without the begun answer, with its text and its tokens taken into account. */
  request: EngineRequest;
  /** Estimated; 0 where nothing was sent yet. */
  begunTokens: number;
}

/** Throws FailedPreconditionError for a chat, which this API can not continue in the middle of an answer. */
export function continuedRequest(
  { input, sampling, resume }: EngineRequest,
  { model, defaults }: OpenedServer,
  estimate: PromptEstimate,
): ContinuedRequest {
  const begun = begunHere(resume, model.version);
  if (!begun) return { request: { input, sampling }, begunTokens: 0 };
  if (input.kind !== "prompt") throw canNotGoOn("a model server takes no chat that ends in the middle of an answer");
  const begunTokens = estimate.tokens({ kind: "prompt", prompt: begun.text });
  const maxTokens = Math.max(1, (sampling.maxTokens ?? defaults.maxTokens) - begunTokens);
  return {
    request: { input: { kind: "prompt", prompt: input.prompt + begun.text }, sampling: { ...sampling, maxTokens } },
    begunTokens,
  };
}
