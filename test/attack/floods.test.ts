// Floods: more of something than anyone sends who means well. Each may cost the attacker its connection and nobody else anything.
import { create, toBinary } from "@bufbuild/protobuf";
import { GenerateRequestSchema } from "@chimera/contracts/router";
import * as h2 from "@chimera/rpc/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { AttackedRouter, GENERATE } from "./attacked-router.ts";

let router: AttackedRouter;
beforeAll(async () => {
  router = await AttackedRouter.start({ ROUTER_MAX_CONNECTIONS: "200" });
});
afterEach(() => router.expectRecovered());
afterAll(() => router?.[Symbol.asyncDispose]());

const isSettings = ({ type }: h2.Frame) => type === h2.FrameType.settings;
const ids = (count: number) => Array.from({ length: count }, (_, i) => 2 * i + 1);
const call = (id: number) => h2.headers(id, h2.grpcFields(GENERATE));

/** A whole request that asks for a real answer. */
function question(): Buffer {
  const request = create(GenerateRequestSchema, { prompt: "hello", sampling: { maxTokens: 200 } });
  const message = toBinary(GenerateRequestSchema, request);
  return Buffer.concat([Buffer.of(0), h2.uint32(message.length), message]);
}

describe("streams opened and reset", () => {
  it("five thousand in one write", () =>
    router.serveHonestClientDuring(async () => {
      for (let round = 0; round < 3; round++) {
        const attacker = router.connect();
        if (round > 0) await attacker.frame(isSettings);
        attacker.send(...ids(5000).flatMap((id) => [call(id), h2.reset(id)]));
        await attacker.closed;
      }
    }));

  it("five thousand with their questions, a few at a time, as fast as they are taken", () =>
    router.serveHonestClientDuring(async () => {
      const attacker = router.connect();
      const body = question();
      for (let at = 0; at < 5000 && !attacker.isClosed; at += 10) {
        const batch = ids(5000).slice(at, at + 10);
        await attacker.flush(...batch.flatMap((id) => [call(id), h2.data(id, body, { end: true }), h2.reset(id)]));
      }
      await attacker.closed;
    }));

  it("provoked from the server: window updates of nothing on streams that were just opened", () =>
    router.serveHonestClientDuring(async () => {
      const attacker = router.connect();
      await attacker.frame(isSettings);
      for (let at = 0; at < 5000 && !attacker.isClosed; at += 100) {
        const batch = ids(5000).slice(at, at + 100);
        await attacker.flush(...batch.flatMap((id) => [call(id), h2.windowUpdate(id, 0)]));
      }
      await attacker.closed;
    }));
});

describe("headers without end", () => {
  it("in five thousand CONTINUATION frames", () =>
    router.serveHonestClientDuring(async () => {
      const attacker = router.connect();
      const piece = h2.fieldBlock([["x-more", "y".repeat(100)]]);
      attacker.send(h2.headers(1, h2.grpcFields(GENERATE), { more: true }));
      for (let i = 0; i < 5000 && !attacker.isClosed; i += 50) {
        await attacker.flush(...Array.from({ length: 50 }, () => h2.continuation(1, piece)));
      }
      await attacker.closed;
    }));

  it("in five thousand empty CONTINUATION frames", () =>
    router.serveHonestClientDuring(async () => {
      const attacker = router.connect();
      attacker.send(h2.headers(1, h2.grpcFields(GENERATE), { more: true }));
      attacker.send(...Array.from({ length: 5000 }, () => h2.continuation(1, Buffer.alloc(0))));
      await attacker.closed;
    }));

  it("that unpack to two thousand times their size", () =>
    router.serveHonestClientDuring(async () => {
      const attacker = router.connect();
      await attacker.frame(isSettings);
      // One field of nearly the whole table, put there once, then named by one byte each time.
      const big = Buffer.concat([Buffer.of(0x40), literal("x-big"), literal("z".repeat(4000))]);
      const bomb = Buffer.concat([h2.fieldBlock(h2.grpcFields(GENERATE)), Buffer.alloc(16_000, 0x80 | 62)]);
      attacker.send(h2.headers(1, Buffer.concat([h2.fieldBlock(h2.grpcFields(GENERATE)), big])));
      for (let at = 3; at < 600 && !attacker.isClosed; at += 2) await attacker.flush(h2.headers(at, bomb));
      // 300 times 64 MB, had they been kept.
      if (!attacker.isClosed) await attacker.frame((frame) => frame.streamId > 1 && h2.endsStream(frame));
      attacker.close();
    }));
});

describe("too large", () => {
  it("header lists are refused and leave their connection usable", () =>
    router.serveHonestClientDuring(async () => {
      const attacker = router.connect();
      const fields = h2.grpcFields(GENERATE, [
        ["x-large", "y".repeat(15_000)],
        ["x-larger", "y".repeat(2000)],
      ]);
      const block = h2.fieldBlock(fields);
      attacker.send(h2.headers(1, block.subarray(0, 16_000), { more: true }));
      attacker.send(h2.continuation(1, block.subarray(16_000), { last: true }));
      attacker.send(
        h2.headers(
          3,
          h2.grpcFields(
            GENERATE,
            Array.from({ length: 500 }, (_, i) => [`x-${i}`, "y"]),
          ),
        ),
      );
      for (const id of [1, 3]) {
        const refusal = await attacker.frame((frame) => frame.streamId === id && h2.endsStream(frame));
        expect(refusal).toBeDefined();
      }
      attacker.send(
        h2.headers(5, h2.grpcFields("/grpc.health.v1.Health/Check")),
        h2.data(5, Buffer.alloc(5), { end: true }),
      );
      expect(await attacker.frame((frame) => frame.streamId === 5 && h2.endsStream(frame))).toBeDefined();
      attacker.close();
      expect(await overHttp1({ "x-large": "y".repeat(60_000) }, "{}")).toBeOneOf([431, "closed"]);
    }));

  it("messages are refused, by what they say they are and by what they turn out to be", () =>
    router.serveHonestClientDuring(async () => {
      const attacker = router.connect();
      await attacker.frame(isSettings);
      const twoGigabytes = Buffer.concat([Buffer.of(0), h2.uint32(2 ** 31)]);
      attacker.send(
        call(1),
        h2.data(1, twoGigabytes),
        ...Array.from({ length: 60 }, () => h2.data(1, Buffer.alloc(1000))),
      );
      attacker.send(h2.data(1, Buffer.alloc(0), { end: true }));
      expect(await attacker.frame((frame) => frame.streamId === 1 && h2.endsStream(frame))).toBeDefined();
      attacker.close();
      const nineMegabytes = JSON.stringify({ messages: [{ role: "user", content: "x".repeat(9_000_000) }] });
      expect(await overHttp1({}, nineMegabytes)).toBeOneOf([400, 413, "closed"]);
    }));

  it("many at once: a thousand requests that only ever begin", () =>
    router.serveHonestClientDuring(async () => {
      const attackers = Array.from({ length: 4 }, () => router.connect());
      const half = Buffer.concat([Buffer.of(0), h2.uint32(4_000_000), Buffer.alloc(8000)]);
      for (const attacker of attackers) {
        await attacker.frame(isSettings);
        await attacker.flush(...ids(250).flatMap((id) => [call(id), h2.data(id, half)]));
      }
      for (const attacker of attackers) attacker.close();
    }));
});

describe("small frames", () => {
  const floods: [string, () => Buffer][] = [
    ["pings", () => h2.ping()],
    ["settings", () => h2.settings(Buffer.from([0, 4, 0, 1, 0, 0]))],
    ["empty settings", () => h2.settings()],
    ["priorities", () => h2.frame(h2.FrameType.priority, 0, 1, Buffer.alloc(5))],
    ["empty data", () => h2.data(1, Buffer.alloc(0))],
    ["window updates", () => h2.windowUpdate(0, 1)],
  ];
  it.each(floods)("fifty thousand %s, by a client that reads no answer", (_name, make) =>
    router.serveHonestClientDuring(async () => {
      const attacker = router.connect();
      await attacker.frame(isSettings);
      attacker.pause();
      attacker.send(call(1));
      const thousand = Buffer.concat(Array.from({ length: 1000 }, make));
      for (let i = 0; i < 50 && !attacker.isClosed; i++) await Promise.race([attacker.flush(thousand), seconds(1)]);
      attacker.close();
    }),
  );
});

describe("connections", () => {
  it("more than there may be, that say nothing: each one more takes the place of another", () =>
    router.serveHonestClientDuring(async () => {
      const attackers: h2.FrameConnection[] = [];
      for (let i = 0; i < 600; i++) {
        attackers.push(router.connect({ preface: false }));
        if (i % 50 === 49) await router.expectRecovered();
      }
      expect(attackers.filter(({ isClosed }) => !isClosed).length).toBeLessThanOrEqual(201);
      for (const attacker of attackers) attacker.close();
    }));
});

function literal(value: string): Buffer {
  return Buffer.concat([h2.integer(value.length, 7), Buffer.from(value)]);
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}

/** The status; "closed" where the connection ended before everything was sent, as it may. */
async function overHttp1(headers: Record<string, string>, body: string): Promise<number | "closed"> {
  try {
    const response = await fetch(`http://127.0.0.1:${router.port}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return "closed";
  }
}
