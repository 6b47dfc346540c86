// One answer: how it is read, left, cancelled, timed, tried again, and what its errors say.

import { CachePolicy, RequestClass, Role } from "@chimera/contracts/common";
import { BadRequestSchema } from "@chimera/contracts/google-rpc";
import type { GenerateRequest } from "@chimera/contracts/router";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import type { AnswerEvent } from "../answer.ts";
import {
  accepted,
  complete,
  delta,
  eventually,
  failure,
  fakeClient,
  left,
  type Part,
  unavailable,
} from "../testing/fake-router.ts";

const hello = { prompt: "hello" };

async function* whole(): AsyncGenerator<Part> {
  yield* [accepted, delta(0, ""), delta(1, "to"), delta(2, "ken"), complete];
}

/** Fails with each of the errors in turn, then answers. */
function failing(...errors: (ConnectError | Part[])[]) {
  const routes = {
    calls: 0,
    async *generate(): AsyncGenerator<Part> {
      const next = errors[routes.calls];
      routes.calls += 1;
      if (next instanceof ConnectError) throw next;
      if (next) {
        yield* next;
        throw unavailable();
      }
      yield* whole();
    },
  };
  return routes;
}

describe("an answer", () => {
  it("comes as typed events", async () => {
    const events: AnswerEvent[] = [];
    for await (const event of fakeClient({ generate: whole }).client.generate(hello)) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(["accepted", "delta", "delta", "delta", "complete"]);
    expect(events[0]).toMatchObject({
      attempt: 1,
      servedBy: "inference-1",
      cache: { status: "miss", reason: "not stored" },
    });
    expect(events[2]).toEqual({ type: "delta", seq: 1, text: "to", tokenCount: 1, tokenIds: [] });
    expect(events[4]).toMatchObject({ finishReason: "stop", usage: { promptTokens: 5, cachedTokens: 2 } });
  });

  it("comes as pieces of text, none of them empty", async () => {
    const pieces: string[] = [];
    for await (const piece of fakeClient({ generate: whole }).client.generate(hello).text) pieces.push(piece);
    expect(pieces).toEqual(["to", "ken"]);
  });

  it("comes whole, also to who reads it at the same time, and after it was read", async () => {
    const stream = fakeClient({ generate: whole }).client.generate(hello);
    const early = stream.result();
    await expect(early).resolves.toMatchObject({
      text: "token",
      finishReason: "stop",
      usage: { promptTokens: 5, cachedTokens: 2, completionTokens: 3 },
      timings: { firstTokenMs: 4 },
      cache: { status: "miss" },
      servedBy: "inference-1",
      requestId: "request-1",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      queueMs: 3,
      attempts: 1,
    });
    await expect(stream.result()).resolves.toBe(await early);
    expect(() => stream[Symbol.asyncIterator]()).toThrow("read once");
  });

  it("counts TTFT from the call to the first piece that has text, when it arrives and not when it is read", async () => {
    const { client, clock } = fakeClient({
      async *generate() {
        yield accepted;
        clock.ms = 10;
        yield delta(0, "");
        clock.ms = 25;
        yield delta(1, "late");
        await eventually(() => stream.ttftMs).toBeDefined();
        clock.ms = 60;
        yield complete;
      },
    });
    const stream = client.generate(hello);
    await eventually(() => clock.ms).toBe(60);
    const { ttftMs, totalMs } = await stream.result();
    expect(ttftMs).toBe(25);
    expect(totalMs).toBe(60);
  });

  it("stops its sender where nobody reads", async () => {
    let sent = 0;
    const { client } = fakeClient({
      async *generate() {
        yield accepted;
        for (let seq = 0; seq < 2000; seq += 1) {
          sent += 1;
          yield delta(seq, "x");
        }
        yield complete;
      },
    });
    const stream = client.generate(hello);
    await eventually(() => sent).toBeGreaterThan(10);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toBeLessThan(100);
    expect((await stream.result()).text).toHaveLength(2000);
  });

  it("is DATA_LOSS where a delta is missing, or its end", async () => {
    const gap = fakeClient({
      async *generate() {
        yield* [accepted, delta(0, "a"), delta(2, "c"), complete];
      },
    });
    const lost = await failure(gap.client.generate(hello).result());
    expect(lost).toMatchObject({ code: "DATA_LOSS", partial: { text: "a", nextSeq: 1 } });
    const endless = fakeClient({
      async *generate() {
        yield* [accepted, delta(0, "a")];
      },
    });
    expect((await failure(endless.client.generate(hello).result())).code).toBe("DATA_LOSS");
  });
});

describe("what is asked", () => {
  it("reaches the router as it was written, with credential and tenant", async () => {
    let request: GenerateRequest | undefined;
    let headers: Headers | undefined;
    const { client } = fakeClient(
      {
        async *generate(asked, { requestHeader }) {
          request = asked;
          headers = requestHeader;
          yield* whole();
        },
      },
      { token: async () => "a.b.c", tenant: "acme", headers: () => ({ traceparent: "00-1-2-01" }) },
    );
    await client
      .generate({
        model: "triage",
        messages: [
          { role: "system", content: "be brief" },
          { role: "user", content: "hello" },
        ],
        sampling: { temperature: 0, maxTokens: 7, stop: ["."], jsonSchema: { type: "object" } },
        cachePolicy: "refresh",
        cacheControl: { ttlS: 60, staleS: 0, tags: ["doc:7"] },
        class: "batch",
        requestId: "mine-1",
      })
      .result();
    expect(request).toMatchObject({
      model: "triage",
      messages: [
        { role: Role.SYSTEM, content: "be brief" },
        { role: Role.USER, content: "hello" },
      ],
      sampling: { temperature: 0, maxTokens: 7, stop: ["."], jsonSchema: '{"type":"object"}' },
      cachePolicy: CachePolicy.REFRESH,
      cacheControl: { ttlS: 60, staleS: 0, tags: ["doc:7"] },
      class: RequestClass.BATCH,
      requestId: "mine-1",
    });
    expect(request?.sampling?.topP).toBeUndefined();
    expect(headers?.get("authorization")).toBe("Bearer a.b.c");
    expect(headers?.get("x-chimera-tenant")).toBe("acme");
    expect(headers?.get("traceparent")).toBe("00-1-2-01");
  });

  it("is refused before it leaves where a header can not be sent, without quoting it", async () => {
    const error = await failure(
      fakeClient({ generate: whole }, { apiKey: "sec\nret" }).client.generate(hello).result(),
    );
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(error.message).not.toContain("sec");
  });

  it("is UNAUTHENTICATED where the token function fails", async () => {
    const token = () => Promise.reject(new Error("no identity provider"));
    const error = await failure(fakeClient({ generate: whole }, { token }).client.generate(hello).result());
    expect(error).toMatchObject({ code: "UNAUTHENTICATED", cause: { message: "no identity provider" } });
  });
});

describe("leaving", () => {
  /** An engine that talks until its caller has left. */
  function talking() {
    const state = { started: 0, left: 0 };
    const fake = fakeClient({
      async *generate(_request, { signal }) {
        state.started += 1;
        void left(signal).then(() => {
          state.left += 1;
        });
        yield accepted;
        for (let seq = 0; !signal.aborted; seq += 1) yield delta(seq, "x");
      },
    });
    const haveLeft = () => eventually(() => state.started > 0 && state.left === state.started).toBe(true);
    return { ...fake, state, haveLeft };
  }

  it("the loop over events ends the call", async () => {
    const { client, haveLeft } = talking();
    const stream = client.generate(hello);
    for await (const event of stream) if (event.type === "delta" && event.seq === 3) break;
    await haveLeft();
    expect(await failure(stream.result())).toMatchObject({
      code: "CANCELLED",
      partial: { text: expect.stringMatching(/^xxxx/) },
    });
  });

  it("the loop over text ends the call, also by an error of its own", async () => {
    const { client, haveLeft } = talking();
    const read = async () => {
      for await (const _ of client.generate(hello).text) throw new Error("the reader's own");
    };
    await expect(read()).rejects.toThrow("the reader's own");
    await haveLeft();
  });

  it("the block that holds the stream ends the call, even if it was never read", async () => {
    const { client, state, haveLeft } = talking();
    {
      await using _stream = client.generate(hello);
      await eventually(() => state.started).toBe(1);
    }
    await haveLeft();
  });

  it("cancel() and the caller's signal end call and loop with CANCELLED and what had arrived", async () => {
    for (const how of ["cancel", "signal"] as const) {
      const { client, haveLeft } = talking();
      const controller = new AbortController();
      const stream = client.generate(hello, { signal: controller.signal });
      const read = async () => {
        for await (const event of stream) {
          if (event.type !== "delta" || event.seq !== 3) continue;
          if (how === "cancel") stream.cancel();
          else controller.abort();
        }
      };
      const error = await failure(read());
      expect(error).toMatchObject({ code: "CANCELLED", requestId: "request-1" });
      expect(error.partial?.nextSeq).toBeGreaterThanOrEqual(4);
      await haveLeft();
    }
  });

  it("before the first part ends the call as well", async () => {
    let hasLeft = false;
    let started = false;
    const { client } = fakeClient({
      // biome-ignore lint/correctness/useYield: it is left before it has anything to say
      async *generate(_request, { signal }) {
        started = true;
        await left(signal);
        hasLeft = true;
      },
    });
    const stream = client.generate(hello);
    await eventually(() => started).toBe(true);
    stream.cancel();
    expect((await failure(stream.result())).code).toBe("CANCELLED");
    await eventually(() => hasLeft).toBe(true);
  });

  it("with a signal that was aborted before sends nothing", async () => {
    const { client, state } = talking();
    const error = await failure(client.generate(hello, { signal: AbortSignal.abort() }).result());
    expect(error.code).toBe("CANCELLED");
    expect(state.started).toBe(0);
  });

  it("the client ends all of its calls, and takes no more", async () => {
    const { client, haveLeft } = talking();
    const stream = client.generate(hello);
    for await (const event of stream) if (event.type === "delta") break;
    const other = client.generate(hello).result();
    client.close();
    expect((await failure(other)).message).toContain("closed");
    await haveLeft();
    expect((await failure(client.generate(hello).result())).code).toBe("FAILED_PRECONDITION");
  });

  it("after the end changes nothing", async () => {
    const { client } = fakeClient({ generate: whole });
    const stream = client.generate(hello);
    const { text } = await stream.result();
    stream.cancel();
    await stream[Symbol.asyncDispose]();
    expect((await stream.result()).text).toBe(text);
  });
});

describe("a deadline", () => {
  it("reaches the router", async () => {
    let timeoutMs: number | undefined;
    const { client } = fakeClient(
      {
        async *generate(_request, call) {
          timeoutMs = call.timeoutMs();
          yield* whole();
        },
      },
      { deadlineMs: 60_000 },
    );
    await client.generate(hello).result();
    expect(timeoutMs).toBeGreaterThan(30_000);
    await client.generate(hello, { deadlineMs: 30_000 }).result();
    expect(timeoutMs).toBeGreaterThan(0);
    expect(timeoutMs).toBeLessThanOrEqual(30_000);
  });

  it("ends the call on both sides", async () => {
    let working = 0;
    const { client } = fakeClient({
      // biome-ignore lint/correctness/useYield: it has nothing to say in time
      async *generate(_request, { signal }) {
        working += 1;
        await left(signal);
        working -= 1;
      },
    });
    expect((await failure(client.generate(hello, { deadlineMs: 200 }).result())).code).toBe("DEADLINE_EXCEEDED");
    await eventually(() => working).toBe(0);
  });

  it("also ends a token function that never answers", async () => {
    const { client } = fakeClient({ generate: whole }, { token: () => new Promise(() => undefined) });
    expect((await failure(client.generate(hello, { deadlineMs: 10 }).result())).code).toBe("DEADLINE_EXCEEDED");
  });

  it("that is none is refused", () => {
    const { client } = fakeClient({ generate: whole });
    for (const deadlineMs of [0, -1, Number.NaN, 2 ** 31]) {
      expect(() => client.generate(hello, { deadlineMs })).toThrow("deadlineMs");
    }
  });
});

describe("a failed call", () => {
  it("is tried again where the router was unavailable before the first delta", async () => {
    const routes = failing(unavailable(), [accepted]);
    const { client, waits } = fakeClient(routes);
    const events: AnswerEvent[] = [];
    const stream = client.generate(hello);
    for await (const event of stream) events.push(event);
    expect(events.filter(({ type }) => type === "accepted")).toMatchObject([{ attempt: 2 }, { attempt: 3 }]);
    expect(await stream.result()).toMatchObject({ text: "token", attempts: 3 });
    expect(waits).toHaveLength(2);
    expect(waits[0]).toBeLessThan(100);
    expect(waits[1]).toBeLessThan(100);
  });

  it("is tried three times, no more", async () => {
    const routes = failing(...Array(9).fill(unavailable()));
    const error = await failure(fakeClient(routes).client.generate(hello).result());
    expect(error).toMatchObject({ code: "UNAVAILABLE", message: "busy", attempts: 3, partial: undefined });
    expect(routes.calls).toBe(3);
  });

  it("is never tried again after the first delta", async () => {
    const routes = failing([accepted, delta(0, "he")]);
    const error = await failure(fakeClient(routes).client.generate(hello).result());
    expect(error).toMatchObject({ code: "UNAVAILABLE", attempts: 1, partial: { text: "he", nextSeq: 1 } });
    expect(error).toMatchObject({ requestId: "request-1", traceId: "0af7651916cd43dd8448eb211c80319c" });
    expect(routes.calls).toBe(1);
  });

  it.each([Code.InvalidArgument, Code.Internal, Code.ResourceExhausted, Code.DeadlineExceeded, Code.Unauthenticated])(
    "is not tried again with code %i",
    async (code) => {
      const routes = failing(unavailable(5, code));
      await failure(fakeClient(routes).client.generate(hello).result());
      expect(routes.calls).toBe(1);
    },
  );

  it("is tried again with a used-up quota where that is asked for and the router says when", async () => {
    const told = failing(unavailable(70, Code.ResourceExhausted));
    const options = { retry: { resourceExhausted: true } };
    const { client, waits } = fakeClient(told, options);
    expect((await client.generate(hello).result()).attempts).toBe(2);
    expect(waits[0]).toBeGreaterThanOrEqual(70);
    const untold = failing(unavailable(undefined, Code.ResourceExhausted));
    expect((await failure(fakeClient(untold, options).client.generate(hello).result())).attempts).toBe(1);
  });

  it("is not tried before the router's RetryInfo or pushback says so", async () => {
    const pushback = new ConnectError("busy", Code.Unavailable, { "grpc-retry-pushback-ms": "450" });
    const { client, waits } = fakeClient(failing(unavailable(300), pushback));
    await client.generate(hello).result();
    expect(waits[0]).toBeGreaterThanOrEqual(300);
    expect(waits[0]).toBeLessThan(400);
    expect(waits[1]).toBeGreaterThanOrEqual(450);
  });

  it("is not tried again where a pushback forbids it", async () => {
    const routes = failing(new ConnectError("go away", Code.Unavailable, { "grpc-retry-pushback-ms": "-1" }));
    await failure(fakeClient(routes).client.generate(hello).result());
    expect(routes.calls).toBe(1);
  });

  it("is not tried again where the wait would outlast the deadline: the error says why and until when", async () => {
    const routes = failing(unavailable(900));
    const { client, waits } = fakeClient(routes);
    const error = await failure(client.generate(hello, { deadlineMs: 800 }).result());
    expect(error).toMatchObject({ code: "UNAVAILABLE", retryAfterMs: 900 });
    expect(waits).toEqual([]);
  });

  it("is not tried again where the client does not want it", async () => {
    const routes = failing(unavailable());
    await failure(fakeClient(routes, { retry: false }).client.generate(hello).result());
    expect(routes.calls).toBe(1);
  });

  it("is not tried again while too many calls fail", async () => {
    const routes = failing(...Array(99).fill(unavailable()));
    const { client } = fakeClient(routes);
    for (let call = 0; call < 10; call += 1) await failure(client.generate(hello).result());
    // 10 calls, and 3 retries: then half of the 10 tokens of the budget were gone.
    expect(routes.calls).toBe(13);
  });

  it("names the fields that are wrong", async () => {
    const fieldViolations = [{ field: "sampling.temperature", description: "-1 is out of range, from 0 to 2" }];
    const { client } = fakeClient({
      // biome-ignore lint/correctness/useYield: it refuses
      async *generate() {
        throw new ConnectError("bad", Code.InvalidArgument, undefined, [
          { desc: BadRequestSchema, value: { fieldViolations } },
        ]);
      },
    });
    const error = await failure(client.generate({ ...hello, requestId: "mine-1" }).result());
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", fieldViolations, requestId: "mine-1" });
  });
});
