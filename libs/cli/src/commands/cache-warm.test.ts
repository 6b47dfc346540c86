import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { WarmResponseSchema, WarmUpSchema } from "@chimera/contracts/cache";
import { expect, it } from "vitest";
import { runCommandLine } from "../program.ts";
import { testSurroundings } from "../testing/surroundings.ts";
import { warmText, warmUpsText } from "./cache-warm.ts";

const result = create(WarmResponseSchema, {
  ...{
    runId: "0a1b2c3d",
    requestsRead: 5000n,
    candidates: 400,
    control: 40,
    resident: 60,
    restored: 20,
    generated: 250,
  },
  ...{ failed: 3, withoutText: 27, tokensSpent: 9000n, tokenBudget: 10_000n, predictedHitGainPp: 4.126 },
  text: "done; 3 failed: full",
});

it("closes with what was done, what it took and what it is expected to gain", () => {
  const text = warmText(result);
  expect(text).toMatch(/^run +0a1b2c3d\n/);
  expect(text).toMatch(/made anew +250\n/);
  expect(text).toMatch(/tokens +9000 of 10000\n/);
  expect(text).toMatch(/expected gain +4\.13 pp of all requests\ndone; 3 failed: full\n$/);
});

it("lists what was promised beside what came, with its interval", () => {
  const estimate = { value: 3.9, low: 2.1, high: 5.8, level: 0.95, n: 900n };
  const ttftGain = { value: 0.62, low: 0.5, high: 0.7, level: 0.95, n: 900n };
  const endedAt = timestampFromMs(1_700_000_000_000);
  const measured = create(WarmUpSchema, {
    result,
    endedAt,
    gain: { overallHitGainPp: estimate, hitGainPp: { ...estimate, value: 40 }, ttftGain, usedShare: 0.81 },
  });
  const [, first = "", second = ""] = warmUpsText([measured, create(WarmUpSchema, { result, endedAt })]).split("\n");
  expect(first).toMatch(/270 +9000 +4\.13 pp +3\.90 pp \[2\.10, 5\.80\] +40\.0 pp .* 62 % \[50, 70\] +81 %/);
  expect(second).toMatch(/4\.13 pp +– +– +– +–$/);
  expect(warmUpsText([])).toContain("No warm-up");
});

it("refuses a share that would leave nothing to warm", async () => {
  const surroundings = testSurroundings();
  expect(await runCommandLine(["cache", "warm", "--control", "2"], surroundings, "main.ts")).not.toBe(0);
  expect(surroundings.written.err).toContain("from 0 to 0.9");
  surroundings.remove();
});
