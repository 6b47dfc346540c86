// `chimera cache invalidate`: answers that must not be served any more, in every cache of the mesh.
import { Command } from "commander";
import { CACHE_TIMEOUT_MS, withCache } from "../cache-client.ts";
import type { Surroundings } from "../config.ts";
import { CommandError, EXIT_CODES } from "../exit-code.ts";
import { sizeText } from "../terminal/figures.ts";

interface InvalidateOptions {
  tenant?: string;
  model?: string;
  tag?: string;
  url?: string;
}

const EXAMPLES = `
What fits all that is named is dropped for good, also what is being made at that moment.

Examples:
  chimera cache invalidate --tag doc:handbook-7
  chimera cache invalidate --tenant acme --model qwen3-0.6b`;

export function cacheInvalidateCommand(surroundings: Surroundings): Command {
  return new Command("invalidate")
    .summary("drop answers that are no longer right, in every cache")
    .description("Drops stored answers by tenant, model or tag; every cache of the mesh does the same.")
    .option("--tenant <name>", "of this tenant")
    .option("--model <id>", "of this model")
    .option("--tag <tag>", "with this tag")
    .option("--url <url>", "cache of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((options: InvalidateOptions) => invalidate(options, surroundings));
}

async function invalidate({ url, ...scope }: InvalidateOptions, surroundings: Surroundings): Promise<void> {
  const { tenant = "", model = "", tag = "" } = scope;
  if (tenant === "" && model === "" && tag === "") {
    throw new CommandError("Name what is wrong: --tenant, --model or --tag, or several of them.", EXIT_CODES.usage);
  }
  const call = { signal: surroundings.stopped, timeoutMs: CACHE_TIMEOUT_MS };
  const request = { tenant, model, tag };
  const { entries, bytes } = await withCache(url, surroundings, (cache) => cache.invalidate(request, call));
  surroundings.terminal.out(`Dropped ${entries} here, ${sizeText(bytes)}. Other caches are told.\n`);
}
