// From rounds to figures: what each gateway adds to the first token, carries and spends, and ours ÷ theirs.
import { addedRatioResult, addedResult } from "../added.ts";
import { plainResult, ratioInterval, ratioOf, type Slice, sum } from "../figures.ts";
import type { ClosedResult } from "../load/rounds.ts";
import type { BenchResult } from "../result.ts";
import { type Gateway, PACE } from "./gateways.ts";
import { ALONE_EVERY_MS, BUSY_CALLERS, BUSY_PER_SECOND, type DoorRound } from "./rounds.ts";

type Named = Pick<Gateway, "name" | "title">;
type Mode = keyof DoorRound;

const SUFFIX: Record<Mode, string> = {
  alone: "_c1",
  fifty: `_c${BUSY_CALLERS}`,
  busy: `_${BUSY_PER_SECOND}_per_s`,
};
const HOW: Record<Mode, string> = {
  alone: `One stream each ${ALONE_EVERY_MS} ms, open loop, from the time it was due.`,
  fifty: `${BUSY_CALLERS} callers in a closed loop, from sending.`,
  busy: `${BUSY_PER_SECOND} streams/s, open loop, from the time each was due.`,
};
const ANSWER = `Streamed chat completions over HTTP/1.1, first of ${PACE.count} tokens after ${PACE.firstMs} ms, the others ${PACE.everyMs} ms apart.`;

export function doorResults(rounds: readonly DoorRound[], gateways: readonly Named[], cores: string): BenchResult[] {
  const [ours] = gateways.filter(({ name }) => name === "ours");
  const peers = gateways.filter(({ name }) => name !== "ours" && name !== "direct");
  if (ours === undefined) return [];
  return [
    ...addedResults("door.added_ttft_ms", { rounds, mode: "alone", gateway: ours, cores }),
    ...peers.flatMap((peer) => [addedRatio(rounds, ours, peer), cpuRatio(rounds, ours, peer)]),
    ...[ours, ...peers].flatMap((gateway) => ownResults(rounds, gateway, cores)),
  ];
}

function ownResults(rounds: readonly DoorRound[], gateway: Named, cores: string): BenchResult[] {
  const prefix = `door.${gateway.name}.`;
  const modes: Mode[] = gateway.name === "ours" ? ["alone", "fifty", "busy"] : ["alone", "fifty"];
  return [
    ...modes.flatMap((mode) => addedResults(`${prefix}added_ttft_ms`, { rounds, mode, gateway, cores }, SUFFIX[mode])),
    ...capacityResults(rounds, gateway, prefix),
    plainResult({
      id: `${prefix}failures`,
      value: sum(rounds.flatMap((round) => modes.map((mode) => round[mode][gateway.name]?.failures ?? 0))),
      unit: "answers",
      n: rounds.length,
      method: `Answers through ${gateway.title} that were not whole.`,
    }),
  ];
}

interface AddedOf {
  rounds: readonly DoorRound[];
  mode: Mode;
  gateway: Named;
  cores: string;
}

function addedResults(id: string, { rounds, mode, gateway, cores }: AddedOf, suffix = ""): BenchResult[] {
  const paired = rounds.map((round) => ({
    through: round[mode][gateway.name]?.ttftMs ?? [],
    direct: round[mode].direct?.ttftMs ?? [],
  }));
  return [50, 99].map((percent) =>
    addedResult({
      id: `${id}_p${percent}${suffix}`,
      rounds: paired,
      percent,
      method: `${ANSWER} ${HOW[mode]} Through ${gateway.title}, and straight to an OpenAI server of that pace. ${cores}`,
    }),
  );
}

function addedRatio(rounds: readonly DoorRound[], ours: Named, theirs: Named): BenchResult {
  return addedRatioResult({
    id: `door.added_ttft_ratio_${theirs.name}`,
    rounds: rounds.map(({ alone }) => ({
      ours: alone[ours.name]?.ttftMs ?? [],
      theirs: alone[theirs.name]?.ttftMs ?? [],
      direct: alone.direct?.ttftMs ?? [],
    })),
    percent: 50,
    method: `${ANSWER} ${HOW.alone} Median TTFT that ${ours.title} adds, beside ${theirs.title}.`,
  });
}

function cpuRatio(rounds: readonly DoorRound[], ours: Named, theirs: Named): BenchResult {
  const slices = rounds.flatMap(({ fifty }): Slice[] => {
    const [spent, got] = [fifty[ours.name], fifty[theirs.name]].map((result) =>
      result === undefined || result.tokens === 0 ? undefined : result.cpuMs / streamsOf(result),
    );
    return spent === undefined || got === undefined ? [] : [{ spent, got }];
  });
  return {
    id: `door.cpu_ratio_${theirs.name}`,
    value: ratioOf(slices),
    unit: "ratio",
    n: slices.length,
    interval: ratioInterval(slices),
    method: `CPU per stream of ${ours.title} ÷ of ${theirs.title}, ${BUSY_CALLERS} callers in a closed loop, mean over rounds in turns. Interval: percentile bootstrap over rounds.`,
  };
}

/** By what has arrived of them: also those that were under way when the round ended did their part. */
function streamsOf({ tokens }: ClosedResult): number {
  return tokens / PACE.count;
}

function capacityResults(rounds: readonly DoorRound[], { name, title }: Named, prefix: string): BenchResult[] {
  const results = rounds.flatMap(({ fifty }) => fifty[name] ?? []);
  const answers = sum(results.map((result) => result.answers));
  const over = (id: string, unit: string, slices: readonly Slice[], method: string): BenchResult => ({
    id: `${prefix}${id}`,
    value: ratioOf(slices),
    unit,
    n: answers,
    interval: ratioInterval(slices),
    method: `${method} ${BUSY_CALLERS} callers in a closed loop. Interval: percentile bootstrap over rounds.`,
  });
  return [
    over(
      "streams_per_s",
      "1/s",
      results.map((result) => ({ spent: streamsOf(result), got: result.seconds })),
      `Streams through ${title} per second, by the tokens that arrived.`,
    ),
    over(
      "cpu_ms_per_stream",
      "ms",
      results.map((result) => ({ spent: result.cpuMs, got: streamsOf(result) })),
      `CPU time of all threads of ${title}, from the operating system's schedstat, ÷ streams.`,
    ),
    plainResult({
      id: `${prefix}rss_mib`,
      value: results.at(-1)?.rssMib ?? null,
      unit: "MiB",
      n: Math.min(1, results.length),
      method: `Resident memory of ${title} at the end of its last round.`,
    }),
  ];
}
