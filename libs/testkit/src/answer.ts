// Reads one token stream to its end, and checks on the way that it has the shape every stream must have.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Accepted, CacheStatus, type Complete, type GenerateResponse } from "@chimera/contracts/common";
import type { GenerateRequestSchema, RouterService } from "@chimera/contracts/router";
import { ownedStream, type RpcClient } from "@chimera/rpc";

export interface Answer {
  accepted: Accepted;
  text: string;
  /** Text of each delta. */
  pieces: string[];
  complete: Complete;
}

export interface AskOptions {
  tenant?: string;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

type Router = RpcClient<typeof RouterService>["client"];

/** Throws where a part is missing, out of order or repeated. */
export async function ask(
  router: Router,
  request: MessageInitShape<typeof GenerateRequestSchema>,
  options: AskOptions = {},
): Promise<Answer> {
  return readAnswer(openAnswer(router, request, options));
}

/** The stream itself, for tests that leave it early. */
export function openAnswer(
  router: Router,
  request: MessageInitShape<typeof GenerateRequestSchema>,
  { tenant, signal, headers }: AskOptions = {},
): AsyncIterable<GenerateResponse> {
  const sent = { ...headers, ...(tenant && { "x-chimera-tenant": tenant }) };
  return ownedStream((owned) => router.generate(request, { signal: owned, headers: sent }), signal ? { signal } : {});
}

export async function readAnswer(parts: AsyncIterable<GenerateResponse>): Promise<Answer> {
  let accepted: Accepted | undefined;
  let complete: Complete | undefined;
  const pieces: string[] = [];
  for await (const { part } of parts) {
    if (complete) throw new Error(`a ${part.case} after complete`);
    if (part.case === "accepted") {
      if (accepted) throw new Error("accepted twice");
      accepted = part.value;
    } else if (!accepted) throw new Error(`${part.case} before accepted`);
    else if (part.case === "complete") complete = part.value;
    else if (part.case === "delta") {
      if (part.value.seq !== pieces.length) throw new Error(`seq ${part.value.seq} where ${pieces.length} was due`);
      pieces.push(part.value.text);
    }
  }
  if (!accepted || !complete) throw new Error("the stream ended without complete");
  return { accepted, complete, pieces, text: pieces.join("") };
}

export function cacheStatus({
  accepted,
}: Pick<Answer, "accepted">): "hit" | "stale" | "joined" | "miss" | "bypass" | "unknown" {
  switch (accepted.cache?.status) {
    case CacheStatus.HIT:
      return "hit";
    case CacheStatus.MISS:
      return "miss";
    case CacheStatus.BYPASS:
      return "bypass";
    case CacheStatus.STALE:
      return "stale";
    case CacheStatus.JOINED:
      return "joined";
    default:
      return "unknown";
  }
}
