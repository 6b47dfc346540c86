// `chimera cache explain`: why a request has a stored answer, or none.
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { type ExplainResponse, StoreOrigin } from "@chimera/contracts/cache";
import { Command } from "commander";
import { CACHE_TIMEOUT_MS, withCache } from "../cache-client.ts";
import type { Surroundings } from "../config.ts";
import { sizeText } from "../terminal/figures.ts";
import { table } from "../terminal/table.ts";

const EXAMPLES = `
The key stands on the span of a lookup, and in the outcome event of a request. Its first 8 digits are enough where no other
answer begins with them.

Examples:
  chimera cache explain 9f86d081884c7d65`;

export function cacheExplainCommand(surroundings: Surroundings): Command {
  return new Command("explain")
    .summary("why a request has a stored answer, or none")
    .description("Says what became of an answer: resident, stale, expired, evicted, pruned or invalidated.")
    .argument("<key>", "first digits of the key, at least 8")
    .option("--url <url>", "cache of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((key: string, { url }: { url?: string }) => explain(key, url, surroundings));
}

async function explain(key: string, url: string | undefined, surroundings: Surroundings): Promise<void> {
  const call = { signal: surroundings.stopped, timeoutMs: CACHE_TIMEOUT_MS };
  const request = { keyPrefix: key.toLowerCase() };
  const response = await withCache(url, surroundings, (cache) => cache.explain(request, call));
  surroundings.terminal.out(explainText(response));
}

export function explainText({ keyPrefix, state, text, entry }: ExplainResponse): string {
  const head = `${keyPrefix} is ${state}: ${text}.\n`;
  if (entry === undefined) return head;
  const rows = [
    ["tenant", entry.tenant],
    ["model", entry.model],
    ["bytes", sizeText(entry.bytes)],
    ["tokens", String(entry.tokens)],
    ["saves", `TTFT ${entry.ttftMs.toFixed(1)} ms`],
    ["stored", whenText(entry.storedAt)],
    ["fresh until", whenText(entry.freshUntil)],
    ["served until", whenText(entry.staleUntil)],
    ["tags", entry.tags.join(", ")],
    ["made", entry.origin === StoreOrigin.WARM_UP ? "ahead, by a warm-up" : "for a request"],
  ];
  return `${head}${table(["", ""], rows).replace(/^\s*\n/, "")}`;
}

function whenText(at: Timestamp | undefined): string {
  return at === undefined ? "" : timestampDate(at).toISOString();
}
