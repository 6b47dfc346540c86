import { create } from "@bufbuild/protobuf";
import { LookupRequestSchema, StoreRequestSchema } from "@chimera/contracts/cache";
import { startTelemetry, stopTelemetry } from "@chimera/telemetry";
import { type Attributes, context, INVALID_SPAN_CONTEXT, trace } from "@opentelemetry/api";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Answers } from "../answers.ts";
import { LeaseTable } from "../flights/lease-table.ts";
import { EntryIndex } from "../index/entry-index.ts";
import { LruPolicy } from "../policy/lru.ts";
import { openStore } from "../store/open-store.ts";
import { HandClock, sampleAnswer, sampleInput } from "../test-data.ts";
import { WarmingKeys } from "../warm-up/warming-keys.ts";
import { lookup } from "./lookup.ts";
import { store } from "./store.ts";

beforeAll(() => startTelemetry("cache"));
afterAll(stopTelemetry);

/** Runs a call inside a span and returns what it noted there. */
async function noted(call: () => Promise<unknown>, isRecording = true): Promise<Attributes> {
  const attributes: Attributes = {};
  const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
  span.isRecording = () => isRecording;
  span.setAttributes = (added) => {
    Object.assign(attributes, added);
    return span;
  };
  await context.with(trace.setSpan(context.active(), span), call);
  return attributes;
}

it("notes outcome, reason and key prefix on the caller's span, and no text of prompt or answer", async () => {
  const byteStore = await openStore("memory", () => {});
  const index = new EntryIndex({ capacityBytes: 1_000_000, maxEntries: 10, policy: new LruPolicy() });
  const clock = new HandClock();
  const answers = new Answers({ index, store: byteStore, clock, ttlMs: 1000, staleMs: 0, onChange: () => {} });
  const handlers = {
    ...{ answers, leases: new LeaseTable({ clock }), warming: new WarmingKeys() },
    storeKind: byteStore.kind,
  };
  const input = sampleInput({ messages: [], prompt: "a secret question" });
  const answer = sampleAnswer(["a secret answer"]);
  const asked = () => lookup(handlers)(create(LookupRequestSchema, { input }));
  const kept = () => store(handlers)(create(StoreRequestSchema, { input, answer }));
  const notes = [await noted(asked), await noted(kept), await noted(asked)];
  const prefix = expect.stringMatching(/^[0-9a-f]{16}$/);
  expect(notes).toEqual([
    { "chimera.cache.status": "miss", "chimera.cache.reason": "not stored", "chimera.cache.key_prefix": prefix },
    { "chimera.cache.status": "stored", "chimera.cache.reason": "", "chimera.cache.key_prefix": prefix },
    { "chimera.cache.status": "hit", "chimera.cache.reason": "stored 0 s ago", "chimera.cache.key_prefix": prefix },
  ]);
  expect(JSON.stringify(notes)).not.toContain("secret");
  expect(await noted(asked, false)).toEqual({});
});
