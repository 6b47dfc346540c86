// `chimera cache prune` and `chimera cache undo`: what is not worth its room, out and back in.
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { PruneResponse } from "@chimera/contracts/cache";
import { Command } from "commander";
import { CACHE_TIMEOUT_MS, withCache } from "../cache-client.ts";
import type { Surroundings } from "../config.ts";
import { byteSize, duration } from "../parse.ts";
import { sizeText } from "../terminal/figures.ts";

interface PruneOptions {
  dryRun?: boolean;
  target?: number;
  unusedFor?: number;
  neverHit?: boolean;
  tenant?: string;
  model?: string;
  tag?: string;
  url?: string;
}

const EXAMPLES = `
Without any wish it makes a tenth of the capacity free. What is worth least goes first: few hits expected, little time saved by
each, much room taken. The last prune can be undone for an hour, as far as its answers fit into a quarter of the capacity.

Examples:
  chimera cache prune --dry-run                        what would go, and what that would cost
  chimera cache prune --target 48MiB
  chimera cache prune --never-hit --unused-for 1h
  chimera cache prune --tenant acme --model qwen3-0.6b`;

export function cachePruneCommand(surroundings: Surroundings): Command {
  return new Command("prune")
    .summary("take out what is not worth its room")
    .description("Takes stored answers out, worst first, and says what that is expected to cost.")
    .option("--dry-run", "only say what would go")
    .option("--target <bytes>", "until so much is left", byteSize)
    .option("--unused-for <time>", "only what was not served for so long", duration)
    .option("--never-hit", "only what was never served")
    .option("--tenant <name>", "only of this tenant")
    .option("--model <id>", "only of this model")
    .option("--tag <tag>", "only with this tag")
    .option("--url <url>", "cache of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((options: PruneOptions) => prune(options, surroundings));
}

async function prune(options: PruneOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, stopped } = surroundings;
  const { target, unusedFor, dryRun = false } = options;
  const request = {
    ...(target !== undefined && { targetBytes: BigInt(target) }),
    ...(unusedFor !== undefined && { unusedFor: durationFromMs(unusedFor) }),
    neverHit: options.neverHit ?? false,
    tenant: options.tenant ?? "",
    model: options.model ?? "",
    tag: options.tag ?? "",
    dryRun,
  };
  const call = { signal: stopped, timeoutMs: CACHE_TIMEOUT_MS };
  const response = await withCache(options.url, surroundings, (cache) => cache.prune(request, call));
  terminal.out(pruneText(response, dryRun));
}

export function pruneText(
  { pruneId, entries, bytes, forecastLossPp, undoBytes }: PruneResponse,
  dryRun: boolean,
): string {
  if (entries === 0n) return "Nothing to take out.\n";
  const what = `${entries} ${entries === 1n ? "answer" : "answers"}, ${sizeText(bytes)}`;
  const loss = `Expected loss: ${forecastLossPp.toFixed(2)} pp of all lookups.`;
  if (dryRun) return `Would take out ${what}. ${loss}\n`;
  return `Took out ${what}. ${loss}\n${sizeText(undoBytes)} can be put back for an hour: chimera cache undo ${pruneId}\n`;
}

const UNDO_EXAMPLES = `
Examples:
  chimera cache undo prune-1764081000000`;

export function cacheUndoCommand(surroundings: Surroundings): Command {
  return new Command("undo")
    .summary("put back what the last prune took out")
    .description("Puts back what the last prune took out, where nothing newer is stored and there is room.")
    .argument("<id>", "the id that prune printed")
    .option("--url <url>", "cache of another mesh")
    .addHelpText("after", UNDO_EXAMPLES)
    .action((id: string, { url }: { url?: string }) => undo(id, url, surroundings));
}

async function undo(pruneId: string, url: string | undefined, surroundings: Surroundings): Promise<void> {
  const call = { signal: surroundings.stopped, timeoutMs: CACHE_TIMEOUT_MS };
  const { restored, lost } = await withCache(url, surroundings, (cache) => cache.undoPrune({ pruneId }, call));
  surroundings.terminal.out(`Put back ${restored}${lost === 0n ? "" : `, ${lost} could not be`}.\n`);
}
