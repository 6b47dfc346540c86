// `chimera cache stats`: what is stored, what it is worth, and how full the cache is.
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { SaturationResponse, StatsResponse } from "@chimera/contracts/cache";
import { ownedStream } from "@chimera/rpc";
import { Command } from "commander";
import { CACHE_TIMEOUT_MS, withCache } from "../cache-client.ts";
import type { Surroundings } from "../config.ts";
import { shareText, sizeText } from "../terminal/figures.ts";
import { table } from "../terminal/table.ts";

interface StatsOptions {
  watch?: boolean;
  json?: boolean;
  url?: string;
}

const WATCH_MS = 1000;

const EXAMPLES = `
Examples:
  chimera cache stats
  chimera cache stats --watch               one line a second, until Ctrl-C
  chimera cache stats --json | jq .saturation.risk`;

export function cacheStatsCommand(surroundings: Surroundings): Command {
  return new Command("stats")
    .summary("what is stored, how often it is served, and how full the cache is")
    .description("Counts since the cache started, what it holds now, and whether it is saturated.")
    .option("--watch", "one line a second")
    .option("--json", "print JSON")
    .option("--url <url>", "cache of another mesh")
    .addHelpText("after", EXAMPLES)
    .action((options: StatsOptions) => (options.watch ? watch(options, surroundings) : show(options, surroundings)));
}

async function show({ json, url }: StatsOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, stopped } = surroundings;
  await withCache(url, surroundings, async (cache) => {
    const options = { signal: stopped, timeoutMs: CACHE_TIMEOUT_MS };
    const [stats, saturation] = await Promise.all([cache.stats({}, options), cache.saturation({}, options)]);
    terminal.out(json ? `${jsonText({ stats, saturation })}\n` : statsText(stats, saturation));
  });
}

async function watch({ json, url }: StatsOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, stopped } = surroundings;
  await withCache(url, surroundings, async (cache) => {
    const interval = durationFromMs(WATCH_MS);
    const updates = ownedStream((signal) => cache.watchStats({ interval }, { signal }), { signal: stopped });
    let before: StatsResponse | undefined;
    for await (const { stats } of updates) {
      if (stats === undefined) continue;
      if (before === undefined && !json) terminal.out(`${WATCH_HEADER}\n`);
      terminal.out(json ? `${jsonText(stats, 0)}\n` : `${watchLine(stats, before ?? stats)}\n`);
      before = stats;
    }
  });
}

export function statsText(stats: StatsResponse, saturation: SaturationResponse): string {
  const lookups = stats.hits + stats.misses;
  const facts = table(
    ["", ""],
    [
      ["store", `${stats.store}, policy ${stats.policy}`],
      ["answers", `${stats.entries}`],
      [
        "bytes",
        `${sizeText(stats.bytes)} of ${sizeText(stats.capacityBytes)} (${shareText(stats.bytes, stats.capacityBytes)})`,
      ],
      ["to be undone", sizeText(stats.undoBytes)],
      ["lookups", `${lookups}, hit ${shareText(stats.hits, lookups)}`],
      ["hits", `${stats.hits}, of which past their time ${stats.staleHits}, made ahead ${stats.warmHits}`],
      ["read along", `${stats.joins}`],
      ["stored", `${stats.stores}, refused ${stats.refusals}, evicted ${stats.evictions}`],
      ["store errors", `${stats.storeErrors}`],
      ...similarRows(stats),
      ["risk", saturation.risk],
    ],
  ).replace(/^\s*\n/, "");
  return `${facts}${saturation.text}\n${tenantsText(stats)}${sizesText(saturation)}`;
}

function similarRows({ similar }: StatsResponse): string[][] {
  if (similar === undefined) return [];
  const wrong = similar.wrongShare === undefined ? "not known yet" : `about ${shareText(similar.wrongShare, 1)}`;
  return [
    ["similar questions", `${similar.questions}, served ${similar.hits}, wrong among those ${wrong}`],
    ["answered anew", `${similar.explored} to compare, ${similar.exploredWrong} with another answer`],
  ];
}

function tenantsText({ tenants }: StatsResponse): string {
  if (tenants.length === 0) return "";
  const rows = tenants.map(({ tenant, entries, bytes, quotaBytes }) => [
    tenant,
    String(entries),
    sizeText(bytes),
    quotaBytes === undefined ? "" : sizeText(quotaBytes),
  ]);
  return `\n${table(["TENANT", "ANSWERS", "BYTES", "QUOTA"], rows)}`;
}

function sizesText({ sizes }: SaturationResponse): string {
  const known = sizes.filter(({ n }) => n > 0n);
  if (known.length === 0) return "";
  const rows = known.map(({ capacityBytes, hitRatio, n }) => [
    sizeText(capacityBytes),
    shareText(hitRatio, 1),
    String(n),
  ]);
  return `\n${table(["AT SIZE", "WOULD HIT", "SAMPLED"], rows)}`;
}

const COLUMNS = [
  ["ANSWERS", 9],
  ["BYTES", 11],
  ["FILL", 8],
  ["LOOKUPS", 9],
  ["HIT", 8],
  ["STORED", 8],
  ["EVICTED", 9],
] as const;

const WATCH_HEADER = COLUMNS.map(([name, width]) => name.padStart(width)).join("");

/** Counts since the line before. */
export function watchLine(stats: StatsResponse, before: StatsResponse): string {
  const hits = stats.hits - before.hits;
  const lookups = hits + stats.misses - before.misses;
  const cells = [
    String(stats.entries),
    sizeText(stats.bytes),
    shareText(stats.bytes, stats.capacityBytes),
    String(lookups),
    shareText(hits, lookups),
    String(stats.stores - before.stores),
    String(stats.evictions - before.evictions),
  ];
  return cells.map((cell, at) => cell.padStart(COLUMNS[at]?.[1] ?? 0)).join("");
}

/** Counts as numbers: none of them gets near what a number can not hold. */
function jsonText(value: unknown, indent = 2): string {
  const plain = (key: string, each: unknown) =>
    key === "$typeName" || key === "$unknown" ? undefined : typeof each === "bigint" ? Number(each) : each;
  return JSON.stringify(value, plain, indent);
}
