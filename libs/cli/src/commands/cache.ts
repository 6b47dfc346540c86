// `chimera cache …`: everything about the stored answers.
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { cacheExplainCommand } from "./cache-explain.ts";
import { cacheInvalidateCommand } from "./cache-invalidate.ts";
import { cachePruneCommand, cacheUndoCommand } from "./cache-prune.ts";
import { cacheSimulateCommand } from "./cache-simulate.ts";
import { cacheStatsCommand } from "./cache-stats.ts";
import { cacheWarmCommand, cacheWarmUpsCommand } from "./cache-warm.ts";

const EXAMPLES = `
Examples:
  chimera cache stats                                 what is stored, and how full the cache is
  chimera cache prune --dry-run                       what is not worth its room
  chimera cache warm --dry-run                        what should be there and is not
  chimera cache simulate --synthetic zipf:alpha=0.9   which policy and size would hit how often`;

export function cacheCommand(surroundings: Surroundings): Command {
  const group = new Command("cache")
    .summary("look after the stored answers")
    .description("What is stored, and what should be.")
    .addHelpText("after", EXAMPLES)
    .helpCommand(false);
  group.addCommand(cacheStatsCommand(surroundings));
  group.addCommand(cacheExplainCommand(surroundings));
  group.addCommand(cachePruneCommand(surroundings));
  group.addCommand(cacheUndoCommand(surroundings));
  group.addCommand(cacheInvalidateCommand(surroundings));
  group.addCommand(cacheWarmCommand(surroundings));
  group.addCommand(cacheWarmUpsCommand(surroundings));
  group.addCommand(cacheSimulateCommand(surroundings));
  return group;
}
