// One caller's request through the router over gRPC, and what became of it: an answer, a refusal, or a broken promise.
import { create, toBinary } from "@bufbuild/protobuf";
import { CachePolicy, Role } from "@chimera/contracts/common";
import { GenerateRequestSchema } from "@chimera/contracts/router";
import type { ChimeraError, Clock } from "@chimera/kernel";
import { RawChannel } from "@chimera/rpc";
import { scan } from "../../../services/router/src/relay/parts.ts";

const GENERATE = "/chimera.router.v1.RouterService/Generate";

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

/** Calls as bytes: a client that decodes would be busier than the mesh it asks. */
export function openCaller(routerUrl: string, clock: Clock): Caller {
  const channels = Array.from({ length: CONNECTIONS }, () => new RawChannel(routerUrl));
  let next = 0;
  return {
    ask({ tenant, content, maxTokens }, signal) {
      const channel = channels[next++ % channels.length];
      if (channel === undefined) throw new Error("no connection");
      const request = create(GenerateRequestSchema, {
        messages: [{ role: Role.USER, content }],
        sampling: { temperature: 0, maxTokens },
        cachePolicy: CachePolicy.BYPASS,
      });
      const options = { signal, timeoutMs: TIMEOUT_MS, headers: { "x-chimera-tenant": tenant } };
      let hasBegun = false;
      let firstTokenAtMs: number | undefined;
      let isWhole = false;
      return new Promise((resolve) => {
        channel.open(GENERATE, toBinary(GenerateRequestSchema, request), options, {
          frames(frames) {
            hasBegun = true;
            const { deltas, complete } = scan(frames);
            if (deltas > 0) firstTokenAtMs ??= clock.monotonicMs();
            isWhole ||= complete < frames.length;
            return true;
          },
          end(error) {
            const endedAtMs = clock.monotonicMs();
            if (error && !hasBegun && isRefusal(error)) resolve({ kind: "refused", endedAtMs });
            else if (error) resolve({ kind: "failed", endedAtMs, reason: error.message });
            else if (isWhole && firstTokenAtMs !== undefined) resolve({ kind: "answered", firstTokenAtMs, endedAtMs });
            else resolve({ kind: "failed", endedAtMs, reason: "the stream ended without its last part" });
          },
        });
      });
    },
    close() {
      for (const channel of channels) channel.close();
    },
  };
}

function isRefusal({ kind }: ChimeraError): boolean {
  return kind === "overloaded" || kind === "unavailable" || kind === "quota-exceeded";
}
