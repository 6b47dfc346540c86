import { systemClock } from "@chimera/kernel";
import { createLogger, readSettings } from "@chimera/lifecycle";
import { expect, it } from "vitest";
import { fields } from "../../../config.ts";
import { createInference } from "../../../service.ts";
import { record } from "./record.ts";
import { formatRows, parseRows } from "./rows.ts";

it("records a service over gRPC: one complete row per request", async () => {
  const env = {
    INFERENCE_PORT: "0",
    INFERENCE_ENGINE: "simulated",
    INFERENCE_SLOTS: "4",
    CHIMERA_SIMULATED_TIME_SCALE: "20",
  };
  const settings = readSettings("inference", fields, { ...env, CHIMERA_NATS_URL: "nats://127.0.0.1:1" });
  const service = await createInference(settings, createLogger("inference-test", "silent"));
  try {
    const options = { ratePerS: 100, seconds: 1, seed: 1, maxTokens: 5, slots: undefined, clock: systemClock };
    const { rows, failed, notSent } = await record({ ...options, url: `http://${service.address}` });
    expect([rows.length, failed, notSent]).toEqual([100, 0, 0]);
    for (const row of rows) {
      expect(row).toMatchObject({ slots: 4, completion_tokens: 5 });
      expect(row.first_token_ms).toBeCloseTo(row.queue_ms + row.prefill_ms, 6);
    }
    expect(parseRows(formatRows(rows))).toEqual(rows);
  } finally {
    await service.drain();
    await service.dispose();
  }
});
