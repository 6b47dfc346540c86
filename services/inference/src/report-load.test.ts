import { fileURLToPath } from "node:url";
import type { LoadReported } from "@chimera/contracts/events";
import type { ChimeraEvent } from "@chimera/events";
import { systemClock } from "@chimera/kernel";
import { createLogger } from "@chimera/lifecycle";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "./engine/engine.ts";
import { createLlamaEngine } from "./engine/llama/llama-engine.ts";
import { reportLoad } from "./report-load.ts";

const modelPath = fileURLToPath(new URL("../model/triage-1.4m.json", import.meta.url));
const logger = createLogger("inference-test", "silent");

/** Takes announcements in place of NATS, and lets a test wait for the next one it wants. */
class Heard {
  readonly reports: LoadReported[] = [];
  #wake: () => void = () => undefined;

  announce(event: ChimeraEvent): void {
    if (event.kind !== "loadReported") throw new Error(`unexpected ${event.kind}`);
    this.reports.push(event.message);
    this.#wake();
  }

  async until(condition: (report: LoadReported) => boolean): Promise<LoadReported> {
    for (;;) {
      const found = this.reports.find(condition);
      if (found) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

describe("load reports", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createLlamaEngine({ modelPath, slots: 1, maxQueued: 4, contextTokens: 1024, threads: 1, logger });
  });
  afterAll(() => engine.dispose());

  it("say who reports, where it is reached, what it serves and how busy it is, until they are stopped", async () => {
    const heard = new Heard();
    const url = "http://10.0.0.7:7102";
    const told = { replica: "one", url, settingsVersion: () => 3 };
    const reporting = reportLoad({ engine, bus: heard, clock: systemClock, ...told, logger });
    const first = await heard.until(() => true);
    expect(first).toMatchObject({ replica: "one", url, model: "triage-1.4m", modelVersion: "83b5cc438c553a21" });
    expect(first).toMatchObject({ engine: "llama", load: { slots: 1, busySlots: 0, kvCapacityTokens: 1024n } });
    expect(first.load?.prefillTokensPerS).toBeUndefined();
    const sampling = { maxTokens: 600, stop: ["@@@"] };
    const input = { kind: "prompt", prompt: "hello team . ".repeat(20) } as const;
    const answer = engine.generate({ input, sampling }, new AbortController().signal)[Symbol.asyncIterator]();
    await answer.next();
    await heard.until(({ load }) => load?.busySlots === 1);
    await answer.return?.();
    heard.reports.length = 0;
    await heard.until(({ load }) => load?.busySlots === 0);
    await reporting.stop();
    const count = heard.reports.length;
    engine.setLimits({ slots: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard.reports.length).toBe(count);
  });
});
