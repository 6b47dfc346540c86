import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { ClosedLoop } from "./closed-loop.ts";

it("keeps as many requests open as there are callers, and no more", async () => {
  let open = 0;
  let most = 0;
  const loop = new ClosedLoop(5, async (onTokens) => {
    most = Math.max(most, ++open);
    await nextTurn();
    onTokens(2);
    open--;
    if (loop.answers >= 100) loop.stop();
    return 7;
  });
  await loop.ended();
  expect(most).toBeLessThanOrEqual(5);
  expect(loop.tokens).toBe(2 * loop.answers);
  expect(loop.failures).toBe(0);
});

it("counts failures, keeps the last, and goes on", async () => {
  let asked = 0;
  const loop = new ClosedLoop(1, async () => {
    if (++asked <= 2) throw new Error(`refused ${asked}`);
    loop.stop();
    return 7;
  });
  await loop.ended();
  expect(loop).toMatchObject({ answers: 1, ttftMs: [7], failures: 2, lastFailure: new Error("refused 2") });
});
