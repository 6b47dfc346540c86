import { setImmediate as nextTurn } from "node:timers/promises";
import { create, fromBinary } from "@bufbuild/protobuf";
import { StoredAnswerSchema } from "@chimera/contracts/cache";
import { GenerateRequestSchema as EngineRequestSchema } from "@chimera/contracts/inference";
import { GenerateRequestSchema } from "@chimera/contracts/router";
import {
  type ChimeraError,
  FailedPreconditionError,
  InvalidRequestError,
  OverloadedError,
  systemClock,
  UnavailableError,
} from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { Context } from "../context.ts";
import { RecentQuantile } from "../measure/recent-quantile.ts";
import type { Relay, RelayReader } from "../relay/relay.ts";
import type { Replica } from "../replica/replica.ts";
import type { RouteRequest } from "../replica/replica-pool.ts";
import { acceptedFrame, completeFrame, deltaFrame, partsIn } from "../testing/frames.ts";
import type { AttemptEnd } from "./attempt.ts";
import type { AskedCall } from "./call.ts";
import { Generation } from "./generation.ts";
import type { AnswerReader, Origin } from "./readers.ts";

/** One stream as the replica sees it. */
class Stream {
  readonly request: ReturnType<typeof fromBinary<typeof EngineRequestSchema>>;
  readonly #reader: RelayReader;
  isCancelled = false;
  isPaused = false;

  constructor(request: Uint8Array, reader: RelayReader) {
    this.request = fromBinary(EngineRequestSchema, request);
    this.#reader = reader;
  }

  send(...frames: Buffer[]): void {
    if (!this.#reader.frames(Buffer.concat(frames))) this.isPaused = true;
  }

  end(error?: ChimeraError): void {
    this.#reader.end(error);
  }
}

class FakeReplica {
  readonly name: string;
  readonly streams: Stream[] = [];
  readonly outcomes: unknown[] = [];
  isUp = true;

  constructor(name: string) {
    this.name = name;
  }

  get relay(): Relay {
    return {
      open: (request, _options, reader) => {
        const stream = new Stream(request, reader);
        this.streams.push(stream);
        return {
          resume: () => {
            stream.isPaused = false;
          },
          cancel: () => {
            stream.isCancelled = true;
          },
        };
      },
      close: () => undefined,
    };
  }
}

class Reader implements AnswerReader {
  frames: Buffer[] = [];
  readonly log: string[] = [];
  end_: AttemptEnd | undefined;
  isFull = false;

  begin({ servedBy }: Origin): void {
    this.log.push(`begin ${servedBy}`);
  }
  moved({ servedBy }: Origin): void {
    this.log.push(`moved ${servedBy}`);
  }
  attempted(): void {
    this.log.push("attempted");
  }
  deltas(frames: Buffer): boolean {
    this.frames.push(frames);
    return !this.isFull;
  }
  end(end: AttemptEnd): void {
    this.end_ = end;
  }

  get seqs(): number[] {
    return partsIn(Buffer.concat(this.frames)).flatMap((part) => (part.case === "delta" ? [part.value.seq] : []));
  }
  get isWhole(): boolean {
    return this.end_?.complete !== undefined;
  }
}

interface Setting {
  replicas?: FakeReplica[];
  config?: Partial<Context["config"]>;
  retries?: number;
  ttftsMs?: number;
  storeAs?: Uint8Array;
}

function begin({ replicas = [new FakeReplica("a"), new FakeReplica("b")], ...setting }: Setting = {}) {
  const stored: Uint8Array[] = [];
  const settled: number[] = [];
  let retries = setting.retries ?? 100;
  const ttfts = new RecentQuantile();
  if (setting.ttftsMs !== undefined) for (let i = 0; i < 100; i++) ttfts.add(setting.ttftsMs);
  const context = {
    clock: systemClock,
    config: { resume: true, resumeWaitMs: 15_000, hedgeQuantile: 0, ...setting.config },
    logger: { warn: () => undefined },
    ttfts,
    retryBudget: { tryRetry: () => retries-- > 0 },
    cache: { store: async (_input: Uint8Array, answer: Uint8Array) => void stored.push(answer) },
    replicas: {
      reserve({ exclude }: RouteRequest) {
        const up = replicas.filter((replica) => replica.isUp && !exclude?.has(replica as unknown as Replica));
        const replica = up[0];
        if (!replica) throw new UnavailableError("no replica");
        return {
          replica,
          predictedTtftMs: undefined,
          explain: () => ({}),
          firstToken: () => undefined,
          end: (outcome: unknown) => void replica.outcomes.push(outcome),
        };
      },
    },
  } as unknown as Context;
  const pass = {
    turn: async (_request: unknown, take: () => unknown) => ({ value: take(), queueMs: 0 }),
    settle: (tokens: number) => void settled.push(tokens),
  };
  const request = create(GenerateRequestSchema, { prompt: "p", sampling: { temperature: 0 } });
  const call = { request, pass, outcome: { queued: () => undefined } } as unknown as AskedCall;
  const model = { id: "m", version: "v1", defaultSampling: undefined, contextTokens: 1024 };
  const generation = new Generation({
    context,
    call,
    accepted: { requestId: "r", model } as never,
    storeAs: setting.storeAs,
    turnBeforeMs: systemClock.monotonicMs() + 60_000,
    deadlineAtMs: systemClock.monotonicMs() + 60_000,
  });
  const reader = new Reader();
  const reading = generation.join(reader);
  const over = generation.run();
  return { generation, reader, reading, over, stored, settled };
}

/** The replica's n-th stream, once it is there. */
async function stream(replica: FakeReplica, n = 0): Promise<Stream> {
  for (;;) {
    const found = replica.streams[n];
    if (found) return found;
    await nextTurn();
  }
}

function two(): [FakeReplica, FakeReplica] {
  return [new FakeReplica("a"), new FakeReplica("b")];
}

const gone = () => new UnavailableError("connection reset");

describe("an answer", () => {
  it("passes the replica's deltas on as they are, stores them, and ends with its end", async () => {
    const [a, b] = two();
    const { reader, over, stored, settled } = begin({ replicas: [a, b], storeAs: new Uint8Array([1]) });
    const s = await stream(a);
    s.send(acceptedFrame("a"));
    s.send(deltaFrame(0), deltaFrame(1));
    expect(reader.seqs).toEqual([0, 1]);
    s.send(deltaFrame(2), completeFrame(3));
    s.end();
    await over;
    expect(reader.log).toEqual(["attempted", "begin a"]);
    expect(reader.seqs).toEqual([0, 1, 2]);
    expect(reader.isWhole).toBe(true);
    expect(stored.map((bytes) => fromBinary(StoredAnswerSchema, bytes).deltas.length)).toEqual([3]);
    expect(settled).toEqual([8]);
    expect(a.outcomes).toEqual(["ok"]);
  });

  it("is not stored where it has no end", async () => {
    const [a, b] = two();
    b.isUp = false;
    const { reader, over, stored } = begin({
      replicas: [a, b],
      storeAs: new Uint8Array([1]),
      config: { resume: false },
    });
    const s = await stream(a);
    s.send(acceptedFrame("a"), deltaFrame(0));
    s.end(gone());
    await over;
    expect(stored).toEqual([]);
    expect(reader.end_?.error).toMatchObject({
      kind: "unavailable",
      message: "a was lost in the middle of the answer",
    });
  });

  it("is whole once its end has come, however the connection goes then", async () => {
    const [a, b] = two();
    const { reader, over } = begin({ replicas: [a, b] });
    const s = await stream(a);
    s.send(acceptedFrame("a"), deltaFrame(0), completeFrame(1));
    s.end(gone());
    await over;
    expect(reader.isWhole).toBe(true);
    expect(b.streams).toEqual([]);
  });
});

describe("a replica that refuses", () => {
  it("is replaced by the next, unseen by the reader", async () => {
    const [a, b] = two();
    const { reader, over } = begin({ replicas: [a, b] });
    (await stream(a)).end(gone());
    const s = await stream(b);
    expect(s.request.resume).toBeUndefined();
    s.send(acceptedFrame("b"), deltaFrame(0), completeFrame(1));
    s.end();
    await over;
    expect(reader.log).toEqual(["attempted", "attempted", "begin b"]);
    expect(reader.isWhole).toBe(true);
    expect(a.outcomes).toHaveLength(1);
  });

  it("ends the request where the fault is the caller's, or the budget for second tries is spent", async () => {
    for (const [error, retries] of [
      [new InvalidRequestError([{ field: "prompt", description: "is too long" }]), 100],
      [gone(), 0],
    ] as const) {
      const [a, b] = two();
      const { reader, over } = begin({ replicas: [a, b], retries });
      (await stream(a)).end(error);
      await over;
      expect(reader.end_?.error).toBe(error);
      expect(b.streams).toEqual([]);
    }
  });

  it("is asked again where it was only full", async () => {
    const [a] = two();
    const { reader, over } = begin({ replicas: [a] });
    (await stream(a)).end(new OverloadedError("queue full", 100));
    const s = await stream(a, 1);
    s.send(acceptedFrame("a"), completeFrame(0));
    s.end();
    await over;
    expect(reader.isWhole).toBe(true);
  });
});

describe("a replica that is lost", () => {
  it("is followed by another that goes on where it ended", async () => {
    const [a, b] = two();
    const { reader, over, stored } = begin({ replicas: [a, b], storeAs: new Uint8Array([1]) });
    const s = await stream(a);
    s.send(acceptedFrame("a"), deltaFrame(0), deltaFrame(1));
    a.isUp = false;
    s.end(gone());
    const t = await stream(b);
    expect(t.request.resume).toMatchObject({ text: "t0 t1 ", tokenIds: [0, 1], nextSeq: 2, modelVersion: "v1" });
    t.send(acceptedFrame("b"));
    t.send(deltaFrame(2), completeFrame(3));
    t.end();
    await over;
    expect(reader.log).toEqual(["attempted", "begin a", "attempted", "moved b"]);
    expect(reader.seqs).toEqual([0, 1, 2]);
    expect(stored.map((bytes) => fromBinary(StoredAnswerSchema, bytes).deltas.map(({ seq }) => seq))).toEqual([
      [0, 1, 2],
    ]);
  });

  it("is waited for where there is no other, also several times, and with no text yet", async () => {
    const [a] = two();
    const { reader, over } = begin({ replicas: [a] });
    const first = await stream(a);
    first.send(acceptedFrame("a"));
    a.isUp = false;
    first.end(gone());
    await nextTurn();
    expect(reader.end_).toBeUndefined();
    a.isUp = true;
    const second = await stream(a, 1);
    expect(second.request.resume).toBeUndefined();
    second.send(acceptedFrame("a"), deltaFrame(0));
    second.end(gone());
    const third = await stream(a, 2);
    expect(third.request.resume?.nextSeq).toBe(1);
    third.send(acceptedFrame("a"), deltaFrame(1), completeFrame(2));
    third.end();
    await over;
    expect(reader.seqs).toEqual([0, 1]);
    expect(reader.isWhole).toBe(true);
  });

  it("ends the answer where no other can go on", async () => {
    const [a, b] = two();
    const { reader, over } = begin({ replicas: [a, b] });
    const s = await stream(a);
    s.send(acceptedFrame("a"), deltaFrame(0));
    a.isUp = false;
    s.end(gone());
    (await stream(b)).end(new FailedPreconditionError("can not go on"));
    await over;
    expect(reader.end_?.error).toMatchObject({ kind: "unavailable" });
    expect(reader.seqs).toEqual([0]);
  });
});

describe("several readers of one answer", () => {
  it("get all of it whenever they come, and the first one may leave", async () => {
    const [a, b] = two();
    const { generation, reader, reading, over } = begin({ replicas: [a, b] });
    const s = await stream(a);
    s.send(acceptedFrame("a"), deltaFrame(0));
    const late = new Reader();
    generation.join(late);
    expect(late.seqs).toEqual([0]);
    reading.leave();
    s.send(deltaFrame(1));
    expect(s.isCancelled).toBe(false);
    s.send(completeFrame(2));
    s.end();
    await over;
    expect(late.seqs).toEqual([0, 1]);
    expect(late.isWhole).toBe(true);
    expect(reader.end_).toBeUndefined();
    expect(generation.isJoinable).toBe(false);
  });

  it("stop the replica when the last one leaves", async () => {
    const [a, b] = two();
    const { generation, reading, over } = begin({ replicas: [a, b] });
    const other = generation.join(new Reader());
    const s = await stream(a);
    reading.leave();
    expect(s.isCancelled).toBe(false);
    other.leave();
    expect(s.isCancelled).toBe(true);
    await over;
    expect(a.outcomes).toEqual(["cancelled"]);
  });

  it("do not wait for each other: a slow one gets what it missed in one piece", async () => {
    const [a, b] = two();
    const { generation, reader, over } = begin({ replicas: [a, b] });
    const slow = new Reader();
    slow.isFull = true;
    const reading = generation.join(slow);
    const s = await stream(a);
    s.send(acceptedFrame("a"));
    for (let seq = 0; seq < 50; seq++) s.send(deltaFrame(seq));
    expect(s.isPaused).toBe(false);
    expect(reader.seqs).toHaveLength(50);
    expect(slow.seqs).toHaveLength(1);
    slow.isFull = false;
    reading.drained();
    expect(slow.seqs).toHaveLength(50);
    expect(slow.frames).toHaveLength(2);
    s.send(completeFrame(50));
    s.end();
    await over;
    expect(slow.isWhole).toBe(true);
  });
});

describe("a reader that stops reading", () => {
  it("pauses the replica, and loses nothing", async () => {
    const [a, b] = two();
    const { reader, reading, over } = begin({ replicas: [a, b] });
    const s = await stream(a);
    reader.isFull = true;
    s.send(acceptedFrame("a"), deltaFrame(0));
    expect(s.isPaused).toBe(true);
    // What was on its way comes all the same.
    s.send(deltaFrame(1), completeFrame(2));
    s.end();
    await nextTurn();
    expect(reader.end_).toBeUndefined();
    reader.isFull = false;
    reading.drained();
    await over;
    expect(reader.seqs).toEqual([0, 1]);
    expect(reader.isWhole).toBe(true);
  });

  it("costs no more than the bound, also where the answer is far longer", async () => {
    const [a, b] = two();
    const { generation, reader, reading, over } = begin({ replicas: [a, b] });
    const s = await stream(a);
    s.send(acceptedFrame("a"));
    reader.isFull = true;
    const large = "x".repeat(64 * 1024);
    for (let seq = 0; seq < 40; seq++) {
      s.send(deltaFrame(seq, large));
      if (!s.isPaused) continue;
      reading.drained();
      expect(s.isPaused).toBe(false);
    }
    expect(generation.isJoinable).toBe(false);
    s.send(completeFrame(40));
    s.end();
    await over;
    expect(reader.seqs).toHaveLength(40);
    expect(reader.isWhole).toBe(true);
  });
});

describe("a hedge", () => {
  const hedging = { config: { hedgeQuantile: 0.95 }, ttftsMs: 1 };

  it("asks a second replica when the first is slow, and the first token decides", async () => {
    const [a, b] = two();
    const { reader, over } = begin({ replicas: [a, b], ...hedging });
    const slow = await stream(a);
    slow.send(acceptedFrame("a"));
    const quick = await stream(b);
    quick.send(acceptedFrame("b"), deltaFrame(0));
    expect(slow.isCancelled).toBe(true);
    quick.send(completeFrame(1));
    quick.end();
    await over;
    expect(reader.log).toEqual(["attempted", "attempted", "begin b"]);
    expect(reader.seqs).toEqual([0]);
    expect([a.outcomes, b.outcomes]).toEqual([["cancelled"], ["ok"]]);
  });

  it("goes on with whichever is left where one fails", async () => {
    const [a, b] = two();
    const { reader, over } = begin({ replicas: [a, b], ...hedging });
    const slow = await stream(a);
    const quick = await stream(b);
    quick.end(gone());
    slow.send(acceptedFrame("a"), deltaFrame(0), completeFrame(1));
    slow.end();
    await over;
    expect(reader.isWhole).toBe(true);
  });

  it("is not made without budget", async () => {
    const [a, b] = two();
    const { over } = begin({ replicas: [a, b], ...hedging, retries: 0 });
    const s = await stream(a);
    await new Promise((resolve) => setTimeout(resolve, 20));
    s.send(acceptedFrame("a"), deltaFrame(0), completeFrame(1));
    s.end();
    await over;
    expect(b.streams).toEqual([]);
  });
});
