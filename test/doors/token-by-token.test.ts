// What a reader of a stream feels: each token when it is made, nothing after it left, nothing lost when it is slow.
import { until } from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DOORS } from "./doors.ts";
import { type FakeMesh, startFakeMesh } from "./fake-mesh.ts";

let mesh: FakeMesh;
beforeAll(async () => {
  mesh = await startFakeMesh();
});
afterAll(() => mesh[Symbol.asyncDispose]());

describe.each(Object.entries(DOORS))("%s", (name, open) => {
  it("hands each token on before the next one is made", async () => {
    const door = open(mesh.url, `golden ${name}`);
    const first = door.next();
    const stream = await mesh.next();
    stream.accept();
    for (let token = 0; token < 20; token++) {
      // The replica makes the next token only when the client has this one: a door that holds it back waits forever.
      stream.delta(`t${token} `);
      expect(await (token === 0 ? first : door.next())).toBe(`t${token} `);
    }
    stream.complete();
    expect(await door.next()).toBeUndefined();
    door.leave();
  });

  it("stops the replica when its caller leaves, before the first token and in the middle", async () => {
    for (const tokens of [0, 3]) {
      const door = open(mesh.url, `leaver ${name} ${tokens}`);
      const pending = door.next();
      pending.catch(() => undefined);
      const stream = await mesh.next();
      stream.accept();
      for (let token = 0; token < tokens; token++) stream.delta("x ");
      if (tokens > 0) await pending;
      door.leave();
      await stream.left.promise;
    }
  });

  it("pauses the replica for a reader that stopped reading, and loses nothing", async () => {
    const door = open(mesh.url, `slow ${name}`);
    const first = door.next();
    const stream = await mesh.next();
    stream.accept();
    // Half of it is more than the kernel's own buffers of a connection can take.
    const total = 20_000;
    const text = "x".repeat(1200);
    let made = 0;
    let isPaused = false;
    const make = () => {
      isPaused = false;
      while (made < total) {
        made += 1;
        if (!stream.delta(text)) {
          isPaused = true;
          return;
        }
      }
      stream.complete();
    };
    stream.onDrain(make);
    make();
    await first;
    // Nobody reads: what is under way comes to rest, far from the end.
    let restedAt = -1;
    await until("a replica at rest", () => {
      const rests = isPaused && restedAt === made;
      restedAt = made;
      return rests;
    });
    expect(made).toBeLessThan(total / 2);
    let read = 1;
    while ((await door.next()) !== undefined) read += 1;
    expect(read).toBe(total);
    door.leave();
  });
});
