// One caller's request through the router over gRPC, and what became of it: an answer, a refusal, or a broken promise.
import { CachePolicy, Role } from "@chimera/contracts/common";
import { RouterService } from "@chimera/contracts/router";
import type { Clock } from "@chimera/kernel";
import { connectClient, ownedStream } from "@chimera/rpc";
import { Code, ConnectError } from "@connectrpc/connect";

/** Also ends a run against a mesh that lets requests wait for ever. */
const TIMEOUT_MS = 20_000;
/** One carries at most 1024 streams; what is beyond would wait in the client. */
const CONNECTIONS = 4;

export type Outcome =
  | { kind: "answered"; firstTokenAtMs: number; endedAtMs: number }
  /** Turned away before anything was promised. */
  | { kind: "refused"; endedAtMs: number }
  /** Any other end, also in the middle of an answer. */
  | { kind: "failed"; endedAtMs: number; reason: string };

export interface Asked {
  tenant: string;
  content: string;
  maxTokens: number;
}

export interface Caller {
  ask(asked: Asked, signal: AbortSignal): Promise<Outcome>;
  close(): void;
}

export function openCaller(routerUrl: string, clock: Clock): Caller {
  const routers = Array.from({ length: CONNECTIONS }, () => connectClient(RouterService, routerUrl));
  let next = 0;
  return {
    async ask({ tenant, content, maxTokens }, signal) {
      const router = routers[next++ % routers.length];
      const request = {
        messages: [{ role: Role.USER, content }],
        sampling: { temperature: 0, maxTokens },
        cachePolicy: CachePolicy.BYPASS,
      };
      const headers = { "x-chimera-tenant": tenant };
      let hasBegun = false;
      let firstTokenAtMs: number | undefined;
      let isWhole = false;
      try {
        const open = (owned: AbortSignal) => {
          if (router === undefined) throw new Error("no connection");
          return router.client.generate(request, { headers, signal: owned });
        };
        for await (const { part } of ownedStream(open, { signal, timeoutMs: TIMEOUT_MS })) {
          hasBegun = true;
          if (part.case === "delta" && part.value.text !== "") firstTokenAtMs ??= clock.monotonicMs();
          isWhole ||= part.case === "complete";
        }
      } catch (error) {
        const endedAtMs = clock.monotonicMs();
        if (!hasBegun && isRefusal(error)) return { kind: "refused", endedAtMs };
        return { kind: "failed", endedAtMs, reason: error instanceof Error ? error.message : String(error) };
      }
      const endedAtMs = clock.monotonicMs();
      if (isWhole && firstTokenAtMs !== undefined) return { kind: "answered", firstTokenAtMs, endedAtMs };
      return { kind: "failed", endedAtMs, reason: "the stream ended without its last part" };
    },
    close() {
      for (const router of routers) router.close();
    },
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.Unavailable || error.code === Code.ResourceExhausted);
}
