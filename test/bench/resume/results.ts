// From transcripts to figures: how many streams ended well, and how many told exactly what an undisturbed mesh tells.
import { percentileResults, plainResult, shareResult } from "../figures.ts";
import type { BenchResult } from "../result.ts";
import { ANSWER_TOKENS, type ReadStream, STREAMS } from "./readers.ts";
import type { Transcript } from "./transcript.ts";

export interface ResumeRun {
  /** Undisturbed, by prompt. */
  expected: ReadonlyMap<number, Transcript>;
  /** Undisturbed once more: whether there is one answer at all. */
  repeated: readonly ReadStream[];
  /** While replicas were lost. */
  disturbed: readonly ReadStream[];
  kills: number;
}

export function resumeResults({ expected, repeated, disturbed, kills }: ResumeRun): BenchResult[] {
  const isExact = ({ prompt, transcript, failure }: ReadStream) => {
    const wanted = expected.get(prompt);
    return failure === undefined && wanted !== undefined && transcript.equals(wanted);
  };
  const isComplete = ({ transcript, failure }: ReadStream) => failure === undefined && transcript.isComplete;
  const hit = disturbed.filter(({ wasHit }) => wasHit);
  const share = (id: string, streams: readonly ReadStream[], good: (stream: ReadStream) => boolean, method: string) =>
    shareResult({ id: `resume.${id}`, count: streams.filter(good).length, n: streams.length, method });
  const all = `${STREAMS} greedy streams of ${ANSWER_TOKENS} tokens at a time on two replicas, of which one was killed every few seconds.`;
  const exactly = "text, token ids, token counts and end as undisturbed, seq unbroken, nothing twice";
  return [
    share("complete_share", disturbed, isComplete, `Streams that reached their last part. ${all}`),
    share("exact_share", disturbed, isExact, `Streams with ${exactly}. ${all}`),
    share(
      "hit_complete_share",
      hit,
      isComplete,
      "Of the streams whose first replica was killed meanwhile, those that reached their last part.",
    ),
    share("hit_exact_share", hit, isExact, `Of the same, those with ${exactly}.`),
    share(
      "undisturbed_equal_share",
      repeated,
      isExact,
      "Streams that were equal in two undisturbed runs: what can be asked of a disturbed one.",
    ),
    ...percentileResults({
      id: "resume.gap_ms",
      values: hit.filter(isComplete).map(({ transcript }) => transcript.longestGapMs),
      percents: [50, 99],
      unit: "ms",
      method: "Longest silence within a stream that lost its replica and went on.",
    }),
    plainResult({ id: "resume.kills", value: kills, unit: "kills", n: kills, method: "Replicas ended by SIGKILL." }),
  ];
}

/** What went wrong, most frequent first, for whoever watches. */
export function failureLines(streams: readonly ReadStream[]): string[] {
  const reasons = Map.groupBy(
    streams.flatMap(({ failure }) => failure ?? []),
    (failure) => failure,
  );
  return [...reasons]
    .sort(([, a], [, b]) => b.length - a.length)
    .slice(0, 5)
    .map(([reason, { length }]) => `${length} streams failed: ${reason}`);
}
