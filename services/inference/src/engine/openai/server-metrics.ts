// What a page of Prometheus metrics says about how busy the model server is. Each server has its own names; what none of them
// tells stays unknown.

export interface ServerLoad {
  /** Requests being computed, those of other clients of the server too. */
  running: number | undefined;
  /** Requests in the server's own queue. */
  waiting: number | undefined;
  /** Share of the KV cache in use, 0 to 1. */
  kvUsage: number | undefined;
  kvCapacityTokens: number | undefined;
}

// vLLM, its name before version 0.10; SGLang; llama.cpp, of which only earlier versions tell of the KV cache.
const RUNNING = ["vllm:num_requests_running", "sglang:num_running_reqs", "llamacpp:requests_processing"];
const WAITING = ["vllm:num_requests_waiting", "sglang:num_queue_reqs", "llamacpp:requests_deferred"];
const KV_USAGE = [
  "vllm:kv_cache_usage_perc",
  "vllm:gpu_cache_usage_perc",
  "sglang:token_usage",
  "llamacpp:kv_cache_usage_ratio",
];
const KV_CAPACITY = ["sglang:max_total_num_tokens"];
const KV_BLOCKS = "vllm:cache_config_info";

interface Sample {
  labels: string;
  value: number;
}

/** Reads the text format; lines of other metrics and lines that are no sample are passed over. */
export function parseServerLoad(page: string): ServerLoad {
  const samples = samplesOf(page, new Set([...RUNNING, ...WAITING, ...KV_USAGE, ...KV_CAPACITY, KV_BLOCKS]));
  const first = (names: readonly string[]) => names.map((name) => samples.get(name)).find((found) => found);
  // A server with several engines has one sample for each.
  const sum = (found: readonly Sample[] | undefined) => found?.reduce((total, { value }) => total + value, 0);
  const mean = (found: readonly Sample[] | undefined) => found && (sum(found) ?? 0) / found.length;
  return {
    running: sum(first(RUNNING)),
    waiting: sum(first(WAITING)),
    kvUsage: mean(first(KV_USAGE)),
    kvCapacityTokens: sum(first(KV_CAPACITY)) ?? blocksOf(samples.get(KV_BLOCKS)),
  };
}

function samplesOf(page: string, names: ReadonlySet<string>): Map<string, Sample[]> {
  const samples = new Map<string, Sample[]>();
  for (const line of page.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(\{.*\})?\s+(\S+)/.exec(line);
    if (!match?.[1] || !names.has(match[1])) continue;
    const sample = { labels: match[2] ?? "", value: Number(match[3]) };
    if (!Number.isFinite(sample.value) || sample.value < 0) continue;
    samples.set(match[1], [...(samples.get(match[1]) ?? []), sample]);
  }
  return samples;
}

/** vLLM tells the size of its cache in labels. */
function blocksOf(samples: readonly Sample[] | undefined): number | undefined {
  const sizes = (samples ?? []).map(({ labels }) => {
    const label = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(labels)?.[1]);
    return label("block_size") * label("num_gpu_blocks");
  });
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return sizes.length > 0 && Number.isFinite(total) ? total : undefined;
}
