// Clients that share nothing with us: Python on gRPC's C core with stubs made by protoc, and curl on the OpenAI door.
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { startTestMesh, type TestMesh } from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEBIAN_PYTHON, has } from "./tools.ts";

const run = promisify(execFile);
const PROTO = join(import.meta.dirname, "../../proto");

let test: TestMesh;
beforeAll(async () => {
  test = await startTestMesh();
});
afterAll(() => test[Symbol.asyncDispose]());

if (has.pythonGrpc) {
  it("Python reads answers, cache status, errors and deadlines, and cancels", async () => {
    const stubs = join(test.folder, "stubs");
    await mkdir(stubs);
    const files = ["common/v1/common", "router/v1/router"].map((name) => `chimera/${name}.proto`);
    await run("protoc", [`--proto_path=${PROTO}`, `--python_out=${stubs}`, ...files]);
    const address = new URL(test.mesh.url("router")).host;
    const { stdout } = await run(DEBIAN_PYTHON, [join(import.meta.dirname, "python-client.py"), address, stubs]);
    expect(JSON.parse(stdout)).toMatchObject({
      texts: Array(2).fill("intent=shipping priority=normal"),
      cache: ["CACHE_STATUS_MISS", "CACHE_STATUS_HIT"],
      error: "NOT_FOUND",
      deadline: "DEADLINE_EXCEEDED",
      cancelled: "CANCELLED",
    });
  });
}

if (has.curl) {
  describe("curl on the OpenAI door", () => {
    const chat = (body: object, ...flags: string[]) =>
      run("curl", [
        ...[
          "-sS",
          "--fail-with-body",
          "-H",
          "content-type: application/json",
          "-H",
          "x-chimera-tenant: curl",
          ...flags,
        ],
        ...[
          "-d",
          JSON.stringify({ messages: [{ role: "user", content: "i can not sign in" }], temperature: 0, ...body }),
        ],
        `${test.mesh.url("router")}/v1/chat/completions`,
      ]);

    it("gets one object", async () => {
      const answer = JSON.parse((await chat({})).stdout);
      expect(answer).toMatchObject({
        object: "chat.completion",
        model: "triage-1.4m",
        choices: [{ message: { role: "assistant", content: "intent=login priority=normal" }, finish_reason: "stop" }],
      });
      expect(answer.usage.total_tokens).toBe(answer.usage.prompt_tokens + answer.usage.completion_tokens);
    });

    it.each([["HTTP/1.1"], ["HTTP/2", "--http2-prior-knowledge"]])("gets a stream over %s", async (_name, ...flags) => {
      const { stdout } = await chat({ stream: true, stream_options: { include_usage: true } }, "--no-buffer", ...flags);
      const lines = stdout.split("\n\n").filter(Boolean);
      expect(lines.pop()).toBe("data: [DONE]");
      const chunks = lines.map((line) => JSON.parse(line.replace("data: ", "")));
      const content = chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
      expect(content).toBe("intent=login priority=normal");
      expect(chunks.at(-2)?.choices[0].finish_reason).toBe("stop");
      expect(chunks.at(-1)?.usage.completion_tokens).toBeGreaterThan(3);
    });

    it("lists the models, and is told what is wrong by status", async () => {
      const { stdout } = await run("curl", ["-sS", `${test.mesh.url("router")}/v1/models`]);
      expect(JSON.parse(stdout).data.map(({ id }: { id: string }) => id)).toEqual(["triage-1.4m"]);
      await expect(chat({ model: "gpt-9" })).rejects.toMatchObject({
        stdout: expect.stringContaining("model_not_found"),
      });
    });
  });
}

it("knows which tools it had", () => {
  expect(Object.keys(has)).toEqual(["curl", "pythonGrpc"]);
});
