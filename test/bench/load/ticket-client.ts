// One ticket through the router over gRPC, the way a user's service would ask, with the moments a caller notices.
import { CachePolicy, CacheStatus, Role } from "@chimera/contracts/common";
import { RouterService } from "@chimera/contracts/router";
import type { Clock } from "@chimera/kernel";
import { connectClient, ownedStream, type RpcClient } from "@chimera/rpc";
import type { PlannedRequest } from "@chimera/tickets";

/** Greedy answers repeat, so the cache may keep them; a pair of labels is about seven tokens. */
const SAMPLING = { temperature: 0, maxTokens: 24 };
/** Also ends a run against a mesh that does not answer. */
const TIMEOUT_MS = 10_000;

export interface TicketAnswer {
  /** First delta with text, after decoding; undefined where the answer is empty. Monotonic, as the next. */
  firstTokenAtMs: number | undefined;
  completeAtMs: number;
  cacheHit: boolean;
}

export interface TicketClient {
  ask(planned: Pick<PlannedRequest, "tenant" | "ticket">, options: AskOptions): Promise<TicketAnswer>;
  close(): void;
}

export interface AskOptions {
  /** Off: neither looked up nor stored. */
  cache: "on" | "off";
  signal: AbortSignal;
}

export function connectTickets(routerUrl: string, clock: Clock): TicketClient {
  const router = connectClient(RouterService, routerUrl);
  return {
    ask: ({ tenant, ticket }, { cache, signal }) => {
      const request = {
        messages: [{ role: Role.USER, content: ticket.input }],
        sampling: SAMPLING,
        cachePolicy: cache === "off" ? CachePolicy.BYPASS : CachePolicy.UNSPECIFIED,
      };
      const headers = { "x-chimera-tenant": tenant };
      const open = (owned: AbortSignal) => router.client.generate(request, { headers, signal: owned });
      return read(ownedStream(open, { signal, timeoutMs: TIMEOUT_MS }), clock);
    },
    close: router.close,
  };
}

type Parts = ReturnType<RpcClient<typeof RouterService>["client"]["generate"]>;

function isHit(status: CacheStatus | undefined): boolean {
  return status === CacheStatus.HIT || status === CacheStatus.STALE;
}

async function read(parts: Parts, clock: Clock): Promise<TicketAnswer> {
  let firstTokenAtMs: number | undefined;
  let completeAtMs: number | undefined;
  let cacheHit = false;
  for await (const { part } of parts) {
    if (part.case === "delta" && part.value.text !== "") firstTokenAtMs ??= clock.monotonicMs();
    else if (part.case === "complete") completeAtMs = clock.monotonicMs();
    else if (part.case === "accepted") cacheHit = isHit(part.value.cache?.status);
  }
  if (completeAtMs === undefined) throw new Error("the stream ended without its last part");
  return { firstTokenAtMs, completeAtMs, cacheHit };
}
