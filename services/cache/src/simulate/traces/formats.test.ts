import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTrace, type TraceFormat } from "./formats.ts";
import type { TraceRequest } from "./trace.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chimera-traces-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(content: string | Uint8Array): string {
  const path = join(folder, "trace");
  writeFileSync(path, content);
  return path;
}

async function read(content: string | Uint8Array, format?: TraceFormat): Promise<TraceRequest[]> {
  return Array.fromAsync(openTrace(write(content), format)());
}

const MOONCAKE = `{"timestamp":27482,"input_length":6955,"output_length":52,"hash_ids":[46,47,48]}

{"timestamp":30535,"input_length":6955,"output_length":52,"hash_ids":[46,47,48]}
{"timestamp":30536,"input_length":100,"output_length":10,"hash_ids":[46,4748]}`;

describe("formats of traces", () => {
  it("mooncake: the same list of blocks is the same prompt", async () => {
    const [a, b, c] = (await read(MOONCAKE)) as [TraceRequest, TraceRequest, TraceRequest];
    expect(a.key).toBe(b.key);
    expect(a.key).not.toBe(c.key);
    expect(c).toMatchObject({ promptTokens: 100, completionTokens: 10, bytes: 310, ttftMs: 190 });
  });

  it("bailian: the same with turns of chats", async () => {
    const line =
      '{"chat_id":1,"parent_chat_id":-1,"timestamp":1.5,"input_length":9,"output_length":3,"type":"text","turn":1,"hash_ids":[1]}';
    expect(await read(line)).toHaveLength(1);
  });

  it("log: events of requests that asked the cache, each tenant's keys its own", async () => {
    const event = { requestId: "r", tenant: "a", cacheKey: "00ff", usage: { promptTokens: 9, completionTokens: 3 } };
    const events = [
      { ...event, ttftMs: 77, attempts: 1 },
      { ...event, tenant: "b", ttftMs: 0.5 },
      { ...event, cacheKey: "" },
      { ...event, workload: "evaluation" },
      {
        request_id: "r",
        tenant: "a",
        cache_key: "00ff",
        usage: { prompt_tokens: 9, completion_tokens: 3 },
        unknown: 1,
      },
    ];
    const requests = await read(events.map((each) => JSON.stringify(each)).join("\r\n"));
    expect(requests.map(({ key, ttftMs }) => [key, ttftMs])).toEqual([
      ["a:00ff", 77],
      ["b:00ff", 153.6],
      ["a:00ff", 153.6],
    ]);
  });

  it("jsonl: with sizes and times where they are known", async () => {
    const line = '{"key":"a","prompt_tokens":10,"completion_tokens":2,"bytes":999,"ttft_ms":12.5}';
    expect(await read(line)).toEqual([{ key: "a", promptTokens: 10, completionTokens: 2, bytes: 999, ttftMs: 12.5 }]);
  });

  it("azure: refused, with what to use in its place", async () => {
    const csv = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n";
    await expect(read(csv)).rejects.toThrow(/not which of them were the same.*hash_ids.*--synthetic/);
    await expect(read(csv, "azure")).rejects.toMatchObject({ kind: "failed-precondition" });
  });

  it("are read gzipped as well", async () => {
    expect(await read(gzipSync(MOONCAKE))).toEqual(await read(MOONCAKE));
  });

  it("tell of a gzipped file that was cut", async () => {
    await expect(read(gzipSync(MOONCAKE).subarray(0, 40))).rejects.toThrow(/unexpected end/);
  });

  it.each<[string, string, RegExp]>([
    ["a line that is no JSON", `${MOONCAKE}\n{"timestamp":`, /trace:5: .*JSON/],
    ["a missing field", '{"input_length":1,"hash_ids":[1]}', /trace:1 output_length: /],
    ["a list without blocks", '{"input_length":1,"output_length":1,"hash_ids":[]}', /trace:1 hash_ids: /],
    ["a field of another kind", '{"requestId":"r","usage":{"promptTokens":"many"}}', /trace:1: .*prompt_?tokens/i],
    ["an unknown format", "hello", /trace:1: is in no known format; name one of mooncake/],
  ])("name file, line and field of %s", async (_name, content, message) => {
    await expect(read(content)).rejects.toThrow(message);
  });

  it("tell which file is not there", async () => {
    await expect(Array.fromAsync(openTrace(join(folder, "none"))())).rejects.toThrow(/ENOENT.*none/);
  });
});
