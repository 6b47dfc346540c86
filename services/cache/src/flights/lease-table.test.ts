import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { HandClock } from "../test-data.ts";
import { type Lead, LeaseTable } from "./lease-table.ts";

const a = { url: "http://a", id: "a1" };
const b = { url: "http://b", id: "b1" };

function table(options: { ttlMs?: number; maxLeases?: number } = {}) {
  const clock = new HandClock();
  return { clock, leases: new LeaseTable({ clock, ...options }) };
}

describe("the lead of a question", () => {
  it("goes to who asks first, and others are told of it", () => {
    const { leases } = table();
    expect(leases.take("q", a)).toBeUndefined();
    expect(leases.take("q", b)).toEqual(a);
    expect(leases.take("other", b)).toBeUndefined();
    expect(leases.joins).toBe(1);
  });

  it("stays with its flight where that asks again", () => {
    const { leases } = table();
    leases.take("q", a);
    expect(leases.take("q", a)).toBeUndefined();
    expect(leases.take("q", b)).toEqual(a);
  });

  it("is free once the answer is stored, the flight has ended, or its time is over", () => {
    const { leases, clock } = table({ ttlMs: 1000 });
    leases.take("q", a);
    leases.stored("q");
    expect(leases.take("q", b)).toBeUndefined();
    leases.end(b.id);
    expect(leases.take("q", a)).toBeUndefined();
    clock.ms += 1000;
    expect(leases.take("q", b)).toBeUndefined();
    expect(leases.size).toBe(1);
  });

  it("can be taken from a flight that is over, by the first who finds out", () => {
    const { leases } = table();
    leases.take("q", a);
    const c = { url: "http://c", id: "c1" };
    expect(leases.take("q", { ...b, replaces: a.id })).toBeUndefined();
    expect(leases.take("q", { ...c, replaces: a.id })).toEqual(b);
    // The end of the flight that was replaced comes late and ends nothing else.
    leases.end(a.id);
    expect(leases.take("q", c)).toEqual(b);
  });

  it("is forgotten, oldest first, where there are too many", () => {
    const { leases } = table({ maxLeases: 3 });
    for (const key of ["1", "2", "3", "4"]) leases.take(key, { url: "u", id: `id${key}` });
    expect(leases.size).toBe(3);
    expect(leases.take("2", b)).toMatchObject({ id: "id2" });
    expect(leases.take("1", b)).toBeUndefined();
  });
});

it("has one lead at a time whatever happens in whatever order, as a plain list says", () => {
  const random = seededRandom(5);
  const pick = (count: number) => Math.floor(random() * count);
  const { leases, clock } = table({ ttlMs: 50 });
  let plain: (Lead & { key: string; untilMs: number })[] = [];
  for (let step = 0; step < 20_000; step++) {
    const key = `k${pick(6)}`;
    const id = `f${pick(12)}`;
    const replaces = random() < 0.2 ? `f${pick(12)}` : "";
    const action = pick(10);
    if (action === 0) {
      leases.stored(key);
      plain = plain.filter((lease) => lease.key !== key);
    } else if (action === 1) {
      leases.end(id);
      plain = plain.filter((lease) => lease.id !== id);
    } else if (action === 2) clock.ms += pick(30);
    else {
      const held = plain.find((lease) => lease.key === key);
      const isHeld = held && held.id !== id && held.id !== replaces && clock.ms < held.untilMs;
      expect(leases.take(key, { url: "u", id, replaces })?.id).toBe(isHeld ? held.id : undefined);
      if (!isHeld) {
        plain = plain.filter((lease) => lease.key !== key && lease.id !== id);
        plain.push({ key, id, url: "u", untilMs: clock.ms + 50 });
      }
    }
    expect(leases.size).toBe(plain.length);
  }
});
