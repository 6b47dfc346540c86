// The engine suite against real servers. Our own mesh always: this engine, the router's OpenAI door and the llama engine behind
// it, each in a process of its own. And a server of somebody else where one is given with CHIMERA_TEST_OPENAI_URL, the bundled
// model behind it. Two that pass, run from services/inference:
//
//   llama-server -m model/triage-1.4m.q8_0.gguf --alias triage -c 4096 -np 4 -t 1 --metrics --port 8080
//   python -m llama_cpp.server --model model/triage-1.4m.q8_0.gguf --model_alias triage --n_ctx 1024 --port 8080
//     --interrupt_requests false
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, readSettings } from "@chimera/lifecycle";
import { type Mesh, startMesh } from "@chimera/supervisor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineInput } from "../../services/inference/src/engine/engine.ts";
import { answerOf, engineSuite } from "../../services/inference/src/engine/engine-suite.ts";
import { openOpenaiEngine } from "../../services/inference/src/engine/openai/openai-engine.ts";
import { fields } from "../../services/inference/src/engine/openai/settings.ts";
import { BUFFER_TOKENS } from "../../services/inference/src/engine/part-buffer.ts";

const logger = createLogger("inference-test", "silent");
const ticket = "hello team . i was charged twice this month . we use the pro plan . please fix it right now";
const user = (content: string): EngineInput => ({ kind: "messages", messages: [{ role: "user", content }] });

function openAt(url: string, options: { slots: number; maxQueued: number }, env: Record<string, string> = {}) {
  const address = { CHIMERA_OPENAI_URL: url, CHIMERA_OPENAI_CONTEXT_TOKENS: "1024" };
  return openOpenaiEngine({ ...readSettings("inference", fields, { ...address, ...env }), ...options, logger });
}

describe("openai engine before our own mesh", () => {
  let mesh: Mesh;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "inference-openai-"));
    mesh = await startMesh({
      dataDir: join(folder, "data"),
      logDir: join(folder, "logs"),
      // Without the cache, so that every answer is computed.
      services: ["router", "inference"],
      restart: false,
    });
  });
  afterAll(async () => {
    await mesh.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (options: { slots: number; maxQueued: number }, env: Record<string, string> = {}) =>
    openAt(`${mesh.url("router")}/v1`, options, env);

  engineSuite({
    name: "openai",
    open,
    input: user,
    prompt: ticket,
    endless: { stop: ["@@@"] },
    longPrompt: `${ticket} . `.repeat(30),
    aheadTokens: BUFFER_TOKENS + 1,
    isRemote: true,
  });

  it("labels a ticket, and counts as the model behind does", async () => {
    const engine = await open({ slots: 1, maxQueued: 1 });
    const { text, complete } = await answerOf(engine, {
      input: user(ticket),
      sampling: { temperature: 0, stop: ["\n"] },
    });
    expect(text).toBe("intent=billing priority=high");
    expect(complete).toMatchObject({ finishReason: "stop", usage: { completionTokens: 7 } });
    expect(complete.usage.promptTokens).toBeGreaterThan(10);
    await engine.dispose();
  });

  it("passes on what the model behind refuses, with the field's name", async () => {
    const engine = await open({ slots: 1, maxQueued: 1 }, { CHIMERA_OPENAI_CONTEXT_TOKENS: "4096" });
    const tooMany = answerOf(engine, { input: user(ticket), sampling: { maxTokens: 2000 } });
    await expect(tooMany).rejects.toMatchObject({
      kind: "invalid-argument",
      violations: [{ field: "sampling.max_tokens", description: expect.stringContaining("1024") }],
    });
    await engine.dispose();
  });

  it("takes a prompt as it is as well", async () => {
    const engine = await open({ slots: 1, maxQueued: 1 });
    const prompt = `### ticket\n${ticket}\n### labels\n`;
    const { text } = await answerOf(engine, { input: { kind: "prompt", prompt }, sampling: {} });
    expect(text).toBe((await answerOf(engine, { input: user(ticket), sampling: {} })).text);
    await engine.dispose();
  });
});

const url = process.env.CHIMERA_TEST_OPENAI_URL;
if (url) {
  describe(`openai engine before ${url}`, () => {
    const prompt = `### ticket\n${ticket}\n### labels\n`;
    const longPrompt = `### ticket\n${`${ticket} . `.repeat(30)}\n### labels\n`;
    const open = (options: { slots: number; maxQueued: number }) => openAt(url, options);

    engineSuite({
      name: "openai",
      open,
      prompt,
      endless: { stop: ["@@@"] },
      longPrompt,
      aheadTokens: BUFFER_TOKENS + 1,
      isRemote: true,
      // llama-server does, and nothing in its answer tells what it kept.
      mayDropHeldEnd: true,
    });

    it("labels a ticket", async () => {
      const engine = await open({ slots: 1, maxQueued: 1 });
      const request = { input: { kind: "prompt", prompt }, sampling: { temperature: 0, stop: ["\n"] } } as const;
      expect((await answerOf(engine, request)).text).toBe("intent=billing priority=high");
      await engine.dispose();
    });

    it("starts from a warmed prefix where the server tells of it", async () => {
      const engine = await open({ slots: 1, maxQueued: 1 });
      const input = { kind: "prompt", prompt: longPrompt } as const;
      const warmed = await engine.warmPrefix(input, new AbortController().signal);
      const { usage } = (await answerOf(engine, { input, sampling: { maxTokens: 1 } })).complete;
      expect(usage.promptTokens).toBe(warmed.tokens);
      expect(usage.cachedTokens === 0 || usage.cachedTokens > usage.promptTokens / 2).toBe(true);
      await engine.dispose();
    });
  });
}
