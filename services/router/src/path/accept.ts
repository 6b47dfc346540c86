// Stage 2: is this a request we can answer? Everything that can be refused by looking at it is refused here.

import { type CacheControl, Role } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/router";
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import { samplingViolations } from "@chimera/settings";
import type { Context } from "../context.ts";
import type { ServedModel } from "../replica/replica-pool.ts";

export const bounds = {
  promptBytes: 512 * 1024,
  messages: 256,
  requestIdLength: 64,
  cacheTags: 8,
  cacheTagLength: 64,
} as const;

/** A request that may go on. */
export interface Accepted {
  requestId: string;
  model: ServedModel;
}

/** Throws InvalidRequestError, NotFoundError or UnavailableError. */
export function accept(context: Context, request: GenerateRequest): Accepted {
  const violations = validate(request);
  if (violations.length > 0) throw new InvalidRequestError(violations);
  return { requestId: request.requestId || context.newId(), model: context.replicas.model(request.model) };
}

function validate(request: GenerateRequest): FieldViolation[] {
  const violations = [
    ...promptViolations(request),
    ...samplingViolations(request.sampling, "sampling"),
    ...controlViolations(request.cacheControl),
  ];
  if (request.requestId && !/^[\w.:-]{1,64}$/.test(request.requestId)) {
    violations.push({ field: "request_id", description: "1 to 64 letters, digits, and . _ : -" });
  }
  return violations;
}

/** What the cache would refuse when the answer is there; here its caller hears of it. */
function controlViolations(control: CacheControl | undefined): FieldViolation[] {
  const { tags = [] } = control ?? {};
  if (tags.length > bounds.cacheTags) {
    return [{ field: "cache_control.tags", description: `has ${tags.length} entries, at most ${bounds.cacheTags}` }];
  }
  return tags.flatMap((tag, index): FieldViolation[] => {
    if (tag.length <= bounds.cacheTagLength && /^[\w.:/-]+$/.test(tag)) return [];
    const description = `needs 1 to ${bounds.cacheTagLength} letters, digits and . _ : / -`;
    return [{ field: `cache_control.tags[${index}]`, description }];
  });
}

function promptViolations({ prompt, messages }: GenerateRequest): FieldViolation[] {
  if (prompt !== "" && messages.length > 0)
    return [{ field: "prompt", description: "set either prompt or messages, not both" }];
  if (messages.length > 0) return messageViolations(messages);
  if (prompt.trim() === "") return [{ field: "prompt", description: "is empty; set prompt or messages" }];
  return tooLong("prompt", prompt);
}

function messageViolations(messages: GenerateRequest["messages"]): FieldViolation[] {
  if (messages.length > bounds.messages) {
    return [{ field: "messages", description: `has ${messages.length} entries, at most ${bounds.messages} are taken` }];
  }
  const violations = messages.flatMap(({ role, content }, index): FieldViolation[] => {
    if (role === Role.UNSPECIFIED)
      return [{ field: `messages[${index}].role`, description: "set system, user or assistant" }];
    if (content.trim() === "") return [{ field: `messages[${index}].content`, description: "is empty" }];
    return [];
  });
  if (!messages.some(({ role }) => role === Role.USER)) {
    violations.push({ field: "messages", description: "needs at least one user message" });
  }
  return [...violations, ...tooLong("messages", messages.map(({ content }) => content).join(""))];
}

function tooLong(field: string, text: string): FieldViolation[] {
  const bytes = Buffer.byteLength(text);
  if (bytes <= bounds.promptBytes) return [];
  return [{ field, description: `has ${bytes} bytes, at most ${bounds.promptBytes} are taken` }];
}
