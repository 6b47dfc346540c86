// From rounds to figures: what each subject spends on a token, and ours ÷ theirs.
import { plainResult, ratioInterval, ratioOf, type Slice, sum } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import { CONNECTIONS, PATTERNS, type Pattern, type Played, STREAMS, TOKENS } from "./rounds.ts";
import type { Subject } from "./subjects.ts";

const US_PER_MS = 1000;

/** "relay.step." for the relay alone, "relay.router_step." for the whole router, "relay.step.nginx_" for the others. */
export function idPrefix(name: Subject["name"], pattern: Pattern | ""): string {
  const of = pattern === "" ? "" : `${pattern}.`;
  if (name === "relay") return `relay.${of}`;
  return name === "router" ? `relay.router_${of}` : `relay.${of}${name}_`;
}

export function roundResults(
  played: Played,
  subjects: readonly Pick<Subject, "name" | "title" | "isOurs">[],
): BenchResult[] {
  const theirs = subjects.filter(({ isOurs }) => !isOurs);
  return PATTERNS.flatMap((pattern) =>
    subjects.flatMap((subject) => [
      costResult(played, pattern, subject),
      ...(subject.isOurs ? theirs.map((other) => ratioResult(played, pattern, { ours: subject, theirs: other })) : []),
      ...(pattern === "burst" ? [rssResult(played, subject)] : []),
    ]),
  );
}

type Named = Pick<Subject, "name" | "title">;

function costResult(played: Played, pattern: Pattern, { name, title }: Named): BenchResult {
  const slices = played[pattern].flatMap((round): Slice[] => {
    const result = round[name];
    return result === undefined ? [] : [{ spent: result.cpuMs * US_PER_MS, got: result.tokens }];
  });
  return {
    id: `${idPrefix(name, pattern)}cpu_us_per_token`,
    value: ratioOf(slices),
    unit: "us",
    n: sum(slices.map(({ got }) => got)),
    interval: ratioInterval(slices),
    method: `CPU time of all threads of ${title}, from the operating system's schedstat, ÷ deltas that arrived at the client. ${STREAMS} streams on ${CONNECTIONS} connections, closed loop, ${TOKENS} deltas of 20 B each. Interval: percentile bootstrap over rounds.`,
  };
}

function ratioResult(played: Played, pattern: Pattern, { ours, theirs }: { ours: Named; theirs: Named }): BenchResult {
  const slices = played[pattern].flatMap((round): Slice[] => {
    const [spent, got] = [round[ours.name], round[theirs.name]].map(costOf);
    return spent === undefined || got === undefined ? [] : [{ spent, got }];
  });
  return {
    id: `${idPrefix(ours.name, pattern)}cpu_ratio_${theirs.name}`,
    value: ratioOf(slices),
    unit: "ratio",
    n: slices.length,
    interval: ratioInterval(slices),
    method: `CPU per token through ${ours.title} ÷ through ${theirs.title}, mean over rounds in turns. Interval: percentile bootstrap over rounds.`,
  };
}

function costOf(result: { cpuMs: number; tokens: number } | undefined): number | undefined {
  return result === undefined || result.tokens === 0 ? undefined : (result.cpuMs * US_PER_MS) / result.tokens;
}

function rssResult(played: Played, { name, title }: Named): BenchResult {
  const last = played.burst.at(-1)?.[name];
  const id = `${idPrefix(name, "burst")}rss_mib`;
  return plainResult({
    id,
    value: last?.rssMib ?? null,
    unit: "MiB",
    n: last === undefined ? 0 : 1,
    method: `Resident memory of ${title} at the end of its last round.`,
  });
}
