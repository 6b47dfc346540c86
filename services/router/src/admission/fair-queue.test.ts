import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { type FairItem, FairQueue } from "./fair-queue.ts";

interface Item extends FairItem {
  n: number;
}

let count = 0;
const item = (flow: string, cost = 1, weight = 1): Item => ({ flow, cost, weight, n: count++ });

function serveNext(queue: FairQueue<Item>): Item {
  const next = queue.peek();
  if (!next) throw new Error("nothing waits");
  queue.serve(next);
  return next;
}

describe("FairQueue", () => {
  it("serves the requests of one flow as they came", () => {
    const queue = new FairQueue<Item>();
    const items = [item("a", 5), item("a", 1), item("a", 3)];
    for (const each of items) queue.push(each);
    expect([serveNext(queue), serveNext(queue), serveNext(queue)]).toEqual(items);
    expect([queue.size, queue.cost, queue.peek()]).toEqual([0, 0, undefined]);
  });

  it("serves a newcomer next, whatever another flow has waiting", () => {
    const queue = new FairQueue<Item>();
    for (let i = 0; i < 1000; i++) queue.push(item("heavy", 10));
    for (let i = 0; i < 100; i++) serveNext(queue);
    const light = item("light", 10);
    queue.push(light);
    expect([serveNext(queue), serveNext(queue)]).toContain(light);
  });

  it("shares by cost, not by requests, and by weight, within two percent of 10,000 requests", () => {
    const random = seededRandom(7);
    const queue = new FairQueue<Item>();
    const flows = [
      { name: "small", weight: 1, costOf: () => 10 },
      { name: "large", weight: 1, costOf: () => 200 + 600 * random() },
      { name: "double", weight: 2, costOf: () => 1 + 100 * random() },
      { name: "half", weight: 0.5, costOf: () => 50 },
    ];
    const served = new Map<string, number>();
    const refill = (name: string) => {
      const flow = flows.find((each) => each.name === name);
      if (flow) queue.push(item(name, flow.costOf(), flow.weight));
    };
    for (const { name } of flows) for (let i = 0; i < 3; i++) refill(name);
    for (let i = 0; i < 10_000; i++) {
      const { flow, cost } = serveNext(queue);
      served.set(flow, (served.get(flow) ?? 0) + cost);
      refill(flow);
    }
    const total = [...served.values()].reduce((sum, cost) => sum + cost, 0);
    for (const { name, weight } of flows) {
      expect(Math.abs((served.get(name) ?? 0) / total / (weight / 4.5) - 1)).toBeLessThan(0.02);
    }
  });

  it("counts the real cost where it turns out otherwise, so that asking for much and using little is no loss", () => {
    const queue = new FairQueue<Item>();
    const served = { over: 0, exact: 0 };
    const refill = (flow: string) => queue.push(item(flow, flow === "over" ? 1000 : 50));
    for (let i = 0; i < 3; i++) for (const flow of ["over", "exact"]) refill(flow);
    const inService: Item[] = [];
    for (let i = 0; i < 10_000; i++) {
      const next = serveNext(queue);
      refill(next.flow);
      inService.push(next);
      if (inService.length < 8) continue;
      const done = inService.shift();
      if (!done) continue;
      queue.correct(done, 50 - done.cost);
      served[done.flow as keyof typeof served] += 50;
    }
    expect(Math.abs(served.over / served.exact - 1)).toBeLessThan(0.02);
  });

  it("lets no newcomer wait for the others to make up for what they were charged too much", () => {
    const queue = new FairQueue<Item>();
    for (let i = 0; i < 100; i++) for (const flow of ["a", "b"]) queue.push(item(flow, 1000));
    const done = Array.from({ length: 40 }, () => serveNext(queue));
    for (const each of done) queue.correct(each, 10 - each.cost);
    const light = item("light", 10);
    queue.push(light);
    expect([serveNext(queue), serveNext(queue), serveNext(queue)]).toContain(light);
  });

  it("gives no credit for having wanted nothing", () => {
    const queue = new FairQueue<Item>();
    for (let i = 0; i < 500; i++) queue.push(item("steady"));
    for (let i = 0; i < 200; i++) serveNext(queue);
    for (let i = 0; i < 200; i++) queue.push(item("late"));
    const next = Array.from({ length: 100 }, () => serveNext(queue).flow);
    expect(next.filter((flow) => flow === "late").length).toBeLessThanOrEqual(51);
  });

  it("remembers what was served at once, without having waited", () => {
    const queue = new FairQueue<Item>();
    for (let i = 0; i < 10; i++) queue.serveAtOnce(item("quick"));
    for (const flow of ["quick", "quick", "other", "other"]) queue.push(item(flow));
    expect([1, 2, 3, 4].map(() => serveNext(queue).flow)).toEqual(["other", "quick", "other", "quick"]);
  });

  it("is none the worse for those that are taken out", () => {
    const queue = new FairQueue<Item>();
    const [first, second, only] = [item("a", 5), item("a", 7), item("b", 3)];
    for (const each of [first, second, only]) queue.push(each);
    queue.remove(first);
    queue.remove(only);
    expect([queue.size, queue.cost, queue.peek(), queue.newest("a"), queue.newest("b")]).toEqual([
      1,
      7,
      second,
      second,
      undefined,
    ]);
    expect(() => queue.remove(first)).toThrow("only what waits");
    queue.push(only);
    expect([serveNext(queue), serveNext(queue)]).toEqual(expect.arrayContaining([second, only]));
  });

  it("puts one that is pushed as the first before the others of its flow only", () => {
    const queue = new FairQueue<Item>();
    const [a1, a2, b1] = [item("a"), item("a"), item("b")];
    queue.push(b1);
    queue.push(a1);
    queue.push(a2, { asFirst: true });
    expect([...queue.inOrder()]).toEqual([b1, a2, a1]);
  });

  it("knows the cost that is ahead of a newcomer, within one request of each flow", () => {
    const random = seededRandom(11);
    for (let round = 0; round < 200; round++) {
      const queue = new FairQueue<Item>();
      const flows = ["a", "b", "c", "d"].map((name) => ({ name, weight: 1 + Math.floor(random() * 4) }));
      const anItem = () => {
        const flow = flows[Math.floor(random() * flows.length)];
        return item(flow?.name ?? "", 1 + Math.floor(random() * 100), flow?.weight);
      };
      for (let i = 0; i < 60; i++) queue.push(anItem());
      for (let i = 0; i < 20; i++) serveNext(queue);
      const newcomer = anItem();
      const expected = queue.costAhead(newcomer);
      queue.push(newcomer);
      let ahead = 0;
      for (let next = serveNext(queue); next !== newcomer; next = serveNext(queue)) ahead += next.cost;
      expect(Math.abs(ahead - expected)).toBeLessThanOrEqual(flows.length * 100);
    }
  });

  it("keeps its size, cost and order in 5,000 random steps", () => {
    const random = seededRandom(3);
    const queue = new FairQueue<Item>();
    const waiting = new Set<Item>();
    const served: Item[] = [];
    for (let step = 0; step < 5000; step++) {
      const chance = random();
      const [anyone] = [...waiting].slice(Math.floor(random() * waiting.size));
      if (chance < 0.5) {
        const added = item(`f${Math.floor(random() * 20)}`, Math.ceil(random() * 50), 1 + Math.floor(random() * 3));
        queue.push(added);
        waiting.add(added);
      } else if (chance < 0.8 && waiting.size > 0) {
        const next = serveNext(queue);
        expect(waiting.delete(next)).toBe(true);
        served.push(next);
      } else if (chance < 0.9 && anyone) {
        queue.remove(anyone);
        waiting.delete(anyone);
      } else {
        const done = served.pop();
        if (done) queue.correct(done, Math.floor(random() * 40) - done.cost);
      }
      expect(queue.size).toBe(waiting.size);
      if (step % 100 === 0) expect(new Set(queue.inOrder())).toEqual(waiting);
    }
    expect(queue.cost).toBe([...waiting].reduce((sum, { cost }) => sum + cost, 0));
  });
});
