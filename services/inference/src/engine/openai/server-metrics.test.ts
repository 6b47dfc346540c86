import { describe, expect, it } from "vitest";
import { parseServerLoad } from "./server-metrics.ts";

const VLLM = `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0
vllm:num_requests_waiting{engine="0",model_name="m"} 1.0
vllm:num_requests_waiting{engine="1",model_name="m"} 0.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.5
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.25
vllm:cache_config_info{block_size="16",cache_dtype="auto",engine="0",num_cpu_blocks="None",num_gpu_blocks="100"} 1.0
vllm:cache_config_info{block_size="16",cache_dtype="auto",engine="1",num_cpu_blocks="None",num_gpu_blocks="200"} 1.0
vllm:num_requests_waiting_by_reason{reason="x"} 9.0
`;

const LLAMA_CPP = `# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 2
llamacpp:requests_deferred 5
`;

describe("parseServerLoad", () => {
  it("adds the engines of one vLLM server up, and averages how full they are", () => {
    expect(parseServerLoad(VLLM)).toEqual({ running: 5, waiting: 1, kvUsage: 0.375, kvCapacityTokens: 4800 });
  });

  it("leaves unknown what the server does not tell", () => {
    expect(parseServerLoad(LLAMA_CPP)).toEqual({
      running: 2,
      waiting: 5,
      kvUsage: undefined,
      kvCapacityTokens: undefined,
    });
  });

  it("reads SGLang, with a time at the end of the line", () => {
    const page =
      'sglang:num_running_reqs{tp_rank="0"} 4.0 1700000000\nsglang:num_queue_reqs 6\nsglang:token_usage 0.1\n';
    expect(parseServerLoad(`${page}sglang:max_total_num_tokens 9000`)).toEqual({
      running: 4,
      waiting: 6,
      kvUsage: 0.1,
      kvCapacityTokens: 9000,
    });
  });

  it("passes over what it can not read", () => {
    const nothing = { running: undefined, waiting: undefined, kvUsage: undefined, kvCapacityTokens: undefined };
    const page =
      'vllm:num_requests_running NaN\nvllm:cache_config_info{block_size="16",num_gpu_blocks="None"} 1\n<html>';
    expect(parseServerLoad(page)).toEqual(nothing);
    expect(parseServerLoad("")).toEqual(nothing);
  });
});
