import { create } from "@bufbuild/protobuf";
import { CacheStatus, UsageSchema } from "@chimera/contracts/common";
import type { ChimeraEvent } from "@chimera/events";
import type { Attributes, Span } from "@opentelemetry/api";
import { expect, it } from "vitest";
import { openOutcome } from "../measure/outcome.ts";
import { Stats } from "../measure/stats.ts";
import { HandClock } from "../measure/testing/hand-clock.ts";
import { reportOutcome } from "./report-outcome.ts";

const clock = new HandClock();
const stats = new Stats(clock);
const settings = { version: 0 };
const context = {
  clock,
  stats,
  settings,
  config: { name: "r" },
  newId: () => "id",
  events: { publish: () => undefined },
};

const CALL = { tenant: "acme", workload: "", door: "chat", signal: new AbortController().signal } as const;

function outcome() {
  return openOutcome(context, { ...CALL, arrivedAtMs: clock.ms });
}

/** A span that only remembers. */
function spanOf(isRecording: boolean): { span: Span; attributes: Attributes } {
  const attributes: Attributes = {};
  const span = {
    isRecording: () => isRecording,
    setAttribute: (key: string, value: string) => void Object.assign(attributes, { [key]: value }),
    setAttributes: (more: Attributes) => void Object.assign(attributes, more),
  };
  return { span: span as unknown as Span, attributes };
}

it("puts onto the span how the request went, and none of its text", () => {
  const { span, attributes } = spanOf(true);
  const opened = outcome();
  opened.asked({ request: { requestId: "mine", model: "", prompt: "secret" }, requestClass: "batch" });
  opened.accepted({ requestId: "mine", model: { id: "tiny", version: "v1" } });
  opened.cached({ status: CacheStatus.MISS, reason: "not seen before" });
  opened.queued(12);
  opened.attempted();
  opened.attempted();
  opened.resumed();
  opened.servedBy("replica-2");
  clock.ms += 250;
  opened.deltas(1);
  opened.completed(create(UsageSchema, { promptTokens: 9, cachedTokens: 4, completionTokens: 3 }), undefined);
  reportOutcome(context, opened.close(), span);
  expect(attributes).toEqual({
    "gen_ai.operation.name": "text_completion",
    "gen_ai.provider.name": "chimera",
    "gen_ai.request.model": "tiny",
    "gen_ai.response.time_to_first_chunk": 0.25,
    "gen_ai.usage.input_tokens": 9,
    "gen_ai.usage.cache_read.input_tokens": 4,
    "gen_ai.usage.output_tokens": 3,
    "chimera.request.id": "mine",
    "chimera.tenant": "acme",
    "chimera.cache.status": "miss",
    "chimera.cache.reason": "not seen before",
    "chimera.router.door": "chat",
    "chimera.router.class": "batch",
    "chimera.router.queue_ms": 12,
    "chimera.router.attempts": 2,
    "chimera.router.resumptions": 1,
    "chimera.router.served_by": "replica-2",
  });
});

it("says on the span why a request was turned away", () => {
  const { span, attributes } = spanOf(true);
  const opened = outcome();
  opened.refused("no room");
  reportOutcome(context, opened.close(), span);
  expect(attributes).toMatchObject({ "chimera.router.refusal": "no room", "chimera.cache.status": "not asked" });
});

it("leaves a span alone that is not recorded", () => {
  const { span, attributes } = spanOf(false);
  const opened = outcome();
  opened.left();
  reportOutcome(context, opened.close(), span);
  expect(attributes).toEqual({});
});

it("says under which settings a request was served, and in which arm; one that was refused before, under those in force", () => {
  const sent: ChimeraEvent[] = [];
  const reporting = {
    ...context,
    settings: { version: 7 },
    events: { publish: (event: ChimeraEvent) => void sent.push(event) },
  };
  const open = () => openOutcome(reporting, { ...CALL, arrivedAtMs: clock.ms });
  const served = open();
  served.under({ version: 6, arm: "short" });
  const { span, attributes } = spanOf(true);
  reportOutcome(reporting, served.close(), span);
  reportOutcome(reporting, open().close());
  expect(sent.map(({ message }) => message)).toMatchObject([
    { settingsVersion: 6, arm: "short" },
    { settingsVersion: 7, arm: "" },
  ]);
  expect(attributes).toMatchObject({ "chimera.settings.version": 6, "chimera.arm": "short" });
});
