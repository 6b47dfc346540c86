// `chimera apply`: puts a recommendation in force and watches until it is kept or taken back.
import { toJson } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type ApplyResponse, ApplyResponseSchema } from "@chimera/contracts/insight";
import { ownedStream } from "@chimera/rpc";
import { Command } from "commander";
import type { Surroundings } from "../config.ts";
import { withInsight } from "../insight-client.ts";
import { outcomeText, whoAmI } from "../loop-text.ts";

interface ApplyOptions {
  by?: string;
  json?: boolean;
  url?: string;
}

const EXAMPLES = `
What is expected is stored first. Then the change is tried, and kept only where it is shown to help; a guardrail that is passed takes
it back at once. Ctrl-C stops watching and not the trial: \`chimera ledger\` shows it, \`chimera rollback\` ends it.

Examples:
  chimera recommend
  chimera apply cache-warm-up-ttft_p50_ms-1770000000000
  chimera apply cache-policy-hit_ratio-1770000000000 --by ada`;

export function applyCommand(surroundings: Surroundings): Command {
  return new Command("apply")
    .summary("try a recommendation, and keep it if it helps")
    .description("Puts a recommendation of `chimera recommend` in force, proves it and settles what it came to.")
    .argument("<id>", "of the recommendation")
    .option("--by <name>", "who decides, for the ledger; your user name where left out")
    .option("--json", "print each step as a line of JSON")
    .option("--url <url>", "insight of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((id: string, options: ApplyOptions) => apply(id, options, surroundings));
}

async function apply(recommendationId: string, options: ApplyOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, stopped, env } = surroundings;
  const by = options.by ?? whoAmI(env);
  await withInsight(options.url, surroundings, async (insight) => {
    const open = (signal: AbortSignal) => insight.apply({ recommendationId, by }, { signal });
    for await (const step of ownedStream(open, { signal: stopped })) {
      terminal.out(options.json ? `${JSON.stringify(toJson(ApplyResponseSchema, step))}\n` : stepText(step));
    }
  });
}

export function stepText({ step, text, at, outcome }: ApplyResponse): string {
  const time = at === undefined ? "" : new Date(timestampMs(at)).toISOString().slice(11, 19);
  const line = `${time}  ${step.padEnd(11)}  ${text}\n`;
  return outcome === undefined ? line : `${line}\n${outcomeText(outcome)}`;
}
