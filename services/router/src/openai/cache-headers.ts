// What an OpenAI client wants of the cache, which its API has no words for: the standard request header `cache-control`, in the
// words of RFC 9111 and RFC 5861, and `x-chimera-cache-tags`.
//
// | directive                | means here                                                                  |
// |--------------------------|-----------------------------------------------------------------------------|
// | no-store                 | neither looked up nor stored                                                |
// | no-cache, max-age=0      | made anew, then stored                                                      |
// | only-if-cached           | a stored answer or 504 Gateway Timeout; nothing is generated                |
// | max-age=N                | a new answer is fresh for N seconds; the cache's own limit is the most      |
// | stale-while-revalidate=N | and is served for N seconds more while the next one is made                 |
//
// Directives that say nothing here are ignored, as the RFC wants it, and so are values that are no whole number.
import { create } from "@bufbuild/protobuf";
import { type CacheControl, CacheControlSchema, CachePolicy } from "@chimera/contracts/common";

export interface CacheWishes {
  cachePolicy: CachePolicy;
  cacheControl?: CacheControl;
}

/** Seconds; what a uint32 holds. */
const MAX_S = 4_294_967_295;

/** `header` gives undefined for an absent one. Tags are checked later, with the request. */
export function cacheWishes(header: (name: string) => string | undefined): CacheWishes {
  const directives = directivesOf(header("cache-control") ?? "");
  const tags = listOf(header("x-chimera-cache-tags") ?? "");
  const maxAgeS = secondsOf(directives.get("max-age"));
  const ttlS = maxAgeS === 0 ? undefined : maxAgeS;
  const staleS = secondsOf(directives.get("stale-while-revalidate"));
  const cachePolicy = policyOf(directives, maxAgeS === 0);
  if (ttlS === undefined && staleS === undefined && tags.length === 0) return { cachePolicy };
  return { cachePolicy, cacheControl: create(CacheControlSchema, { ttlS, staleS, tags }) };
}

/** The strictest one counts. */
function policyOf(directives: ReadonlyMap<string, string>, isExpired: boolean): CachePolicy {
  if (directives.has("no-store")) return CachePolicy.BYPASS;
  if (directives.has("only-if-cached")) return CachePolicy.ONLY_IF_CACHED;
  return directives.has("no-cache") || isExpired ? CachePolicy.REFRESH : CachePolicy.UNSPECIFIED;
}

function directivesOf(text: string): Map<string, string> {
  return new Map(
    listOf(text).map((directive): [string, string] => {
      const [name = "", value = ""] = directive.split("=", 2);
      return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1")];
    }),
  );
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Math.min(Number(text), MAX_S) : undefined;
}
