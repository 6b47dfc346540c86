// `chimera rollback`: takes an applied change back.
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { INSIGHT_TIMEOUT_MS, withInsight } from "../insight-client.ts";
import { whoAmI } from "../loop-text.ts";

interface RollbackOptions {
  by?: string;
  reason: string;
  url?: string;
}

const EXAMPLES = `
Works while a change is tried and after it was kept. What somebody else has set since stays as it is.

Examples:
  chimera rollback cache-policy-hit_ratio-1770000000000
  chimera rollback cache-policy-hit_ratio-1770000000000 --reason "the evening is different"`;

export function rollbackCommand(surroundings: Surroundings): Command {
  return new Command("rollback")
    .summary("take an applied change back")
    .description("Puts back what was in force before a change, whatever its verdict.")
    .argument("<id>", "of the prediction, see `chimera ledger`")
    .option("--by <name>", "who decides, for the ledger; your user name where left out")
    .option("--reason <text>", "why, for the ledger", "taken back by hand")
    .option("--url <url>", "insight of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((id: string, options: RollbackOptions) => rollback(id, options, surroundings));
}

async function rollback(predictionId: string, options: RollbackOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, stopped, env } = surroundings;
  const { reason, url, by = whoAmI(env) } = options;
  const call = { signal: stopped, timeoutMs: INSIGHT_TIMEOUT_MS };
  const { text } = await withInsight(url, surroundings, (insight) =>
    insight.rollback({ predictionId, by, reason }, call),
  );
  terminal.out(`${text}\n`);
}
