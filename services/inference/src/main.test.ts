import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { InferenceService } from "@chimera/contracts/inference";
import { connectClient, ownedStream } from "@chimera/rpc";
import { describe, expect, it } from "vitest";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

function run(env: Record<string, string>) {
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, INFERENCE_PORT: "0", INFERENCE_STATE_DIR: "off", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  return { child, exited: once(child, "exit"), lines: createInterface({ input: child.stderr }) };
}

describe("the inference process", () => {
  it("finishes an open stream after SIGTERM and exits with 0", async () => {
    const { child, exited, lines } = run({});
    let address = "";
    for await (const line of lines) {
      const entry: { msg?: string; address?: string } = JSON.parse(line);
      if (entry.msg === "serving") address = entry.address ?? "";
      if (address) break;
    }
    const { client, close } = connectClient(InferenceService, `http://${address}`);
    const request = { prompt: "hi", sampling: { temperature: 0, maxTokens: 600, stop: ["@@@"] } };
    let last = "";
    for await (const { part } of ownedStream((signal) => client.generate(request, { signal }))) {
      if (last === "") child.kill("SIGTERM");
      last = part.case ?? "";
    }
    expect(last).toBe("complete");
    expect(await exited).toEqual([0, null]);
    close();
  });

  it("exits with 1 and names the file where the model can not be read", async () => {
    const { exited, lines } = run({ CHIMERA_MODEL: "/nowhere/x.gguf" });
    const said: string[] = [];
    for await (const line of lines) said.push(line);
    expect(await exited).toEqual([1, null]);
    expect(said.join("\n")).toMatch(/\/nowhere\/x\.gguf: can not be read \(ENOENT\).*CHIMERA_MODEL/);
  });

  it("exits with 2 and names a setting that can not be used", async () => {
    for (const [slots, message] of [
      ["1025", /INFERENCE_SLOTS = "1025"/],
      ["65", /INFERENCE_SLOTS = 65.*64 at most/],
    ] as const) {
      const { exited, lines } = run({ INFERENCE_SLOTS: slots });
      const said: string[] = [];
      for await (const line of lines) said.push(line);
      expect(await exited).toEqual([2, null]);
      expect(said.join("\n")).toMatch(message);
    }
  });
});
