// `chimera tune`, `guard` and `feedback` against an evaluator that says what it is told to.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  EvaluatorService,
  GuardStatusResponseSchema,
  OnlineQualityResponseSchema,
  type RecordFeedbackRequest,
  RecordFeedbackResponseSchema,
  type TuneRequest,
  TuneResponseSchema,
} from "@chimera/contracts/evaluator";
import { startServer } from "@chimera/rpc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../program.ts";
import { type TestSurroundings, testSurroundings } from "../testing/surroundings.ts";

let surroundings: TestSurroundings;
let server: Awaited<ReturnType<typeof startServer>>;
let asked: { tune: TuneRequest[]; feedback: RecordFeedbackRequest[] };

const quality = (value: number) => ({ value, low: value - 0.05, high: value + 0.05, method: "wilson" });
const shots = { name: "proposal", prompt: { template: "desk", shots: 4, shotSelection: "similar", votes: 1 } };
const best = { number: 1, configuration: shots, quality: quality(0.9), ttftP50Ms: 31, tokensPerItem: 88, isBest: true };
const trials = [
  {
    number: 0,
    configuration: { name: "baseline" },
    quality: quality(0.8),
    ttftP50Ms: 20,
    tokensPerItem: 20,
    state: "complete",
  },
  { ...best, state: "complete" },
  { number: 2, configuration: { name: "trial 2" }, state: "failed", text: "no <room>" },
];

async function* tune(request: TuneRequest) {
  asked.tune.push(request);
  const progress = { runId: "r1", trials: 0, trialsTotal: 3, text: "the baseline is measured" };
  yield create(TuneResponseSchema, { event: { case: "progress", value: progress } });
  for (const value of trials) yield create(TuneResponseSchema, { event: { case: "trial", value } });
  const proposal = {
    ...{ from: { name: "baseline" }, to: shots, validation: quality(0.9), holdout: quality(0.87) },
    ...{ gain: { ...quality(0.06), method: "paired" }, ttftRatio: 1.5, tokensRatio: 4.4, isAccepted: true },
  };
  const value = { runId: "r1", front: [best], proposal, itemsScored: 600n, wallMs: 2000 };
  yield create(TuneResponseSchema, { event: { case: "result", value } });
}

beforeEach(async () => {
  asked = { tune: [], feedback: [] };
  server = await startServer({
    ...{ name: "scripted-evaluator", host: "127.0.0.1", port: 0, services: [EvaluatorService] },
    routes: (routes) =>
      routes.service(EvaluatorService, {
        tune,
        guardStatus: ({ dataset }) => {
          const ok = {
            name: "answer length",
            value: 0.1,
            unit: "share",
            n: 900n,
            rule: "alarm above 0.25",
            state: "ok",
            mitigation: "cut",
          };
          const spent = {
            name: "looks",
            value: 0.9,
            unit: "share",
            n: 18n,
            rule: "alarm from 0.8",
            state: "alarm",
            mitigation: "bring items",
          };
          return create(GuardStatusResponseSchema, {
            dataset,
            looksAllowed: 20,
            looksUsed: 18,
            signs: [ok, spent],
            remedy: "Bring items.",
          });
        },
        onlineQuality: () => {
          const window = { from: "2026-01-31T12:00:00.000Z", n: 40n, feedbackShare: 0.25, accuracy: quality(0.8) };
          return create(OnlineQualityResponseSchema, { windows: [window] });
        },
        recordFeedback: (request) => {
          asked.feedback.push(request);
          return create(RecordFeedbackResponseSchema, { taken: request.feedback.length });
        },
      }),
    logger: { error: () => undefined },
  });
  surroundings = testSurroundings({ CHIMERA_EVALUATOR_URL: `http://${server.address}` });
});
afterEach(async () => {
  await server.close();
  surroundings.remove();
});

const run = (...args: string[]) => runCommandLine(args, surroundings, "main.ts");
const file = (name: string) => join(surroundings.cwd, name);

describe("chimera tune", () => {
  it("shows the trials, the proposal with its trade-off, and what the guard says", async () => {
    expect(await run("tune", "--parameters", "shots,template", "--max-ttft-p95", "400", "--run", "r1")).toBe(0);
    expect(asked.tune[0]).toMatchObject({ trials: 30, itemsPerTrial: 200, maxTtftP95Ms: 400, runId: "r1" });
    expect(asked.tune[0]?.parameters).toEqual(["shots", "template"]);
    const { out, err } = surroundings.written;
    expect(out).toMatch(
      /1 \* +90\.0 % +\[85\.0 %, 95\.0 %\] +31\.0 ms +88\.0 +complete +template desk, shots 4 similar/,
    );
    expect(out).toMatch(/2 +– .* failed: no <room>/);
    expect(out).toMatch(/gain on the holdout: \+6\.0 pp \[\+1\.0 pp, \+11\.0 pp\]/);
    expect(out).toMatch(/validation, nested +– +not asked/);
    expect(out).toContain("TTFT p50 × 1.50, tokens an item × 4.40");
    expect(out).toContain("ACCEPTED by the guard. Nothing was applied.");
    expect(err).toContain("best so far: trial 1, 90.0 %");
  });

  it("writes a page that needs nothing else, and the result for programs", async () => {
    expect(await run("tune", "--html", "tuning.html", "--json", "tuning.json")).toBe(0);
    const html = readFileSync(file("tuning.html"), "utf8");
    expect(html.match(/<circle /g)?.length).toBe(4);
    expect(html).toContain("no &lt;room&gt;");
    expect(html).not.toMatch(/<script|https?:\/\//);
    expect(JSON.parse(readFileSync(file("tuning.json"), "utf8"))).toMatchObject({
      runId: "r1",
      proposal: { isAccepted: true },
    });
  });
});

describe("chimera guard", () => {
  it("shows the looks that are left, alarms first, with what to do", async () => {
    expect(await run("guard", "--dataset", "desk")).toBe(0);
    const { out } = surroundings.written;
    expect(out).toContain("desk: 18 of 20 looks at the holdout are spent. Bring items.");
    expect(out.indexOf("alarm  looks")).toBeLessThan(out.indexOf("answer length"));
    expect(out).toContain("looks: alarm from 0.8.\n    To do: bring items.");
    expect(out).not.toContain("To do: cut");
  });

  it("--online shows live traffic by window", async () => {
    expect(await run("guard", "--online")).toBe(0);
    expect(surroundings.written.out).toMatch(/2026-01-31T12:00:00\.000Z +40 +25\.0 % +80\.0 %/);
  });
});

describe("chimera feedback", () => {
  it("sends a file in batches, and one reference by flags", async () => {
    const lines = Array.from({ length: 501 }, (_, at) =>
      JSON.stringify({ request_id: `r${at}`, output: "x", target: "y" }),
    );
    writeFileSync(file("answers.jsonl"), `${lines.join("\n")}\n\n`);
    expect(await run("feedback", "answers.jsonl")).toBe(0);
    expect(asked.feedback.map(({ feedback }) => feedback.length)).toEqual([500, 1]);
    expect(surroundings.written.out).toBe("501 taken\n");
    expect(await run("feedback", "--request", "r1", "--target", "intent=bug")).toBe(0);
    expect(asked.feedback[2]?.feedback[0]).toMatchObject({ requestId: "r1", output: "", target: "intent=bug" });
  });

  it("names the line that is no reference, and sends nothing", async () => {
    writeFileSync(file("answers.jsonl"), '{"request_id":"a","target":"b"}\n{"request_id":"a"}\n');
    expect(await run("feedback", "answers.jsonl")).toBe(1);
    expect(surroundings.written.err).toContain("answers.jsonl, line 2: each line is an object such as");
    expect(asked.feedback).toEqual([]);
  });
});
