import { headers } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { Outbox, type OutboxEntry, OutboxFullError } from "./outbox.ts";

function entry(id: string, bytes = 1): OutboxEntry & { outcome: (Error | undefined)[] } {
  const outcome: (Error | undefined)[] = [];
  const payload = new Uint8Array(bytes);
  return { id, subject: "s", payload, headers: headers(), attempts: 0, settled: (e) => void outcome.push(e), outcome };
}

const bounds = { maxEvents: 4, maxBytes: 100, maxInFlight: 2 };

describe("Outbox", () => {
  it("keeps events while closed and sends them in order once open", async () => {
    const sent: string[] = [];
    const outbox = new Outbox({ ...bounds, send: async ({ id }) => void sent.push(id) });
    for (const id of ["a", "b", "c"]) outbox.add(entry(id));
    expect(outbox.queued).toBe(3);
    expect(sent).toEqual([]);
    outbox.open();
    expect(await outbox.flush(60_000)).toBe(true);
    expect(sent).toEqual(["a", "b", "c"]);
    expect(outbox).toMatchObject({ queued: 0, published: 3, dropped: 0 });
  });

  it("sends again what failed, under the same id, when it is opened again", async () => {
    const tries: string[] = [];
    let works = false;
    const outbox: Outbox = new Outbox({
      ...bounds,
      send: async ({ id }) => {
        tries.push(id);
        if (works) return;
        outbox.pause();
        throw new Error("gone");
      },
    });
    const event = entry("a");
    outbox.add(event);
    outbox.open();
    await Promise.resolve();
    await Promise.resolve();
    expect(event.outcome).toEqual([]);
    works = true;
    outbox.open();
    expect(await outbox.flush(60_000)).toBe(true);
    expect(new Set(tries)).toEqual(new Set(["a"]));
    expect(event.outcome).toEqual([undefined]);
    expect(event.attempts).toBeGreaterThan(1);
  });

  it("gathers events to send them together, and does not let a full load or a flush wait", async () => {
    const sent: string[] = [];
    const send = async ({ id }: OutboxEntry) => void sent.push(id);
    const outbox = new Outbox({ ...bounds, maxInFlight: 3, gatherMs: 60_000, send });
    outbox.open();
    outbox.add(entry("a"));
    outbox.add(entry("b"));
    expect(sent).toEqual([]);
    outbox.add(entry("c"));
    expect(sent).toEqual(["a", "b", "c"]);
    await Promise.resolve();
    outbox.add(entry("d"));
    expect(sent).toHaveLength(3);
    expect(await outbox.flush(60_000)).toBe(true);
    expect(sent).toEqual(["a", "b", "c", "d"]);
  });

  it("refuses the newest event at either bound, and counts it", () => {
    const outbox = new Outbox({ ...bounds, send: async () => {} });
    expect(["a", "b", "c", "d"].map((id) => outbox.add(entry(id)))).toEqual([true, true, true, true]);
    const fifth = entry("e");
    expect(outbox.add(fifth)).toBe(false);
    expect(fifth.outcome[0]).toBeInstanceOf(OutboxFullError);
    const large = new Outbox({ ...bounds, send: async () => {} });
    expect([large.add(entry("a", 60)), large.add(entry("b", 60))]).toEqual([true, false]);
    expect([outbox.dropped, large.dropped]).toEqual([1, 1]);
  });

  it("has at most maxInFlight sends under way", async () => {
    let underWay = 0;
    let most = 0;
    const outbox = new Outbox({
      ...bounds,
      send: async () => {
        underWay += 1;
        most = Math.max(most, underWay);
        await Promise.resolve();
        underWay -= 1;
      },
    });
    for (const id of ["a", "b", "c", "d"]) outbox.add(entry(id));
    outbox.open();
    await outbox.flush(60_000);
    expect(most).toBe(2);
  });
});
