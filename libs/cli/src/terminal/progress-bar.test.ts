import { expect, it } from "vitest";
import { testSurroundings } from "../testing/surroundings.ts";
import { progressBar, progressLine } from "./progress-bar.ts";

it("shows how far it is, the rate and the time left", () => {
  const line = progressLine({ title: "workload", done: 600, total: 1800, elapsedMs: 10_000, note: "2 failed" });
  expect(line).toBe("  workload ████████░░░░░░░░░░░░░░░░ 600/1800 60/s 20 s left · 2 failed");
});

it("tells no rate before there is one", () => {
  expect(progressLine({ title: "x", done: 0, total: 10, elapsedMs: 0, note: "" })).toBe(
    "  x ░░░░░░░░░░░░░░░░░░░░░░░░ 0/10",
  );
});

it("writes nothing where nobody watches", () => {
  const { terminal, clock, written, remove } = testSurroundings();
  const bar = progressBar({ terminal, clock, title: "x", total: 2 });
  bar.update(1);
  bar.clear();
  remove();
  expect(written.err).toBe("");
});
