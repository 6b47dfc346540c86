import { describe, expect, it } from "vitest";
import { Entry } from "../index/entry.ts";
import { sampleFacts } from "../test-data.ts";
import { policySuite } from "./policy-suite.ts";
import { S3FifoPolicy } from "./s3-fifo.ts";

/** Ten entries of 100 bytes fill it; the small queue's budget is one of them. */
const CAPACITY_BYTES = 1000;

function createCache() {
  const policy = new S3FifoPolicy<Entry>(CAPACITY_BYTES);
  const add = (name: string, bytes = 100) => {
    const entry = new Entry(sampleFacts(`t:${name}`, { bytes }));
    policy.added(entry);
    return entry;
  };
  const use = (entry: Entry, times: number) => {
    for (let time = 0; time < times; time += 1) policy.used(entry);
  };
  const evict = () => policy.evict()?.key.slice(2);
  /** Entries that went through the small queue into the main one, oldest first. */
  const addToMain = (...names: string[]) => {
    const entries = names.map((name) => add(name));
    for (const entry of entries) use(entry, 2);
    const last = add("filler");
    expect(policy.evict()).toBe(last);
    return entries;
  };
  return { policy, add, use, evict, addToMain };
}

describe("S3FifoPolicy", () => {
  policySuite(() => new S3FifoPolicy(100_000));

  it("evicts what came first and was not asked for again", () => {
    const { add, evict } = createCache();
    for (const name of ["a", "b", "c"]) add(name);
    expect([evict(), evict(), evict(), evict()]).toEqual(["a", "b", "c", undefined]);
  });

  it("lets one use in the small queue not count, and two lead to the main queue", () => {
    const { add, use, evict } = createCache();
    const [once, twice] = [add("once"), add("twice")];
    add("new");
    use(once, 1);
    use(twice, 2);
    expect([evict(), evict(), evict()]).toEqual(["once", "new", "twice"]);
  });

  it("takes from the small queue while that holds its tenth, from the main queue otherwise", () => {
    const { add, addToMain, evict } = createCache();
    addToMain("a", "b", "c", "d", "e", "f", "g", "h", "i");
    add("new", 100);
    expect(evict()).toBe("new");
    add("tiny", 50);
    expect(evict()).toBe("a");
    expect(evict()).toBe("b");
  });

  it("goes on with the main queue where all of the small one is promoted", () => {
    const { add, addToMain, use, evict } = createCache();
    addToMain("a", "b");
    use(add("hot"), 2);
    expect([evict(), evict(), evict()]).toEqual(["a", "b", "hot"]);
  });

  it("gives an entry of the main queue one round per use, at most three", () => {
    const { addToMain, use, evict } = createCache();
    const [a, b] = addToMain("a", "b", "c") as [Entry, Entry, Entry];
    use(a, 50);
    use(b, 1);
    expect([evict(), evict(), evict()]).toEqual(["c", "b", "a"]);
    expect(a.visits).toBe(0);
  });

  it("counts uses from 0 again in the main queue", () => {
    const { addToMain } = createCache();
    expect(addToMain("a")[0]?.visits).toBe(0);
  });

  it("puts what comes back soon into the main queue", () => {
    const { add, evict } = createCache();
    add("back");
    expect(evict()).toBe("back");
    add("back");
    for (const name of ["x", "y"]) add(name);
    expect([evict(), evict(), evict()]).toEqual(["x", "y", "back"]);
  });

  it("forgets those that left when newer ones of as many bytes as the capacity left after them", () => {
    const { add, evict } = createCache();
    add("old");
    evict();
    for (let number = 0; number < 10; number += 1) {
      add(`later-${number}`);
      evict();
    }
    add("old");
    add("x");
    expect([evict(), evict()]).toEqual(["old", "x"]);
  });

  it("does not remember what left the main queue, or left for another reason than eviction", () => {
    const { policy, add, addToMain, evict } = createCache();
    addToMain("main");
    expect(evict()).toBe("main");
    policy.removed(add("removed"));
    for (const name of ["main", "removed", "x"]) add(name);
    expect([evict(), evict(), evict()]).toEqual(["main", "removed", "x"]);
  });
});
