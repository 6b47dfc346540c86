// Nonsense: random frames and mutated messages, the same ones in every run.
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { Role } from "@chimera/contracts/common";
import { ChatRequestSchema, GenerateRequestSchema } from "@chimera/contracts/router";
import { type Random, seededRandom } from "@chimera/kernel";
import * as h2 from "@chimera/rpc/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { AttackedRouter, GENERATE } from "./attacked-router.ts";

const CHAT = "/chimera.router.v1.RouterService/Chat";
const FRAMES = 100_000;
const MESSAGES = 100_000;
/** Where that many take longer, the first of them must do. */
const MESSAGES_MS = 12_000;

let router: AttackedRouter;
beforeAll(async () => {
  router = await AttackedRouter.start();
});
afterEach(() => router.expectRecovered());
afterAll(() => router?.[Symbol.asyncDispose]());

const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
const below = (random: Random, end: number) => Math.floor(random() * end);

describe(`${FRAMES} random frames`, () => {
  it("end the connections that they break, and nothing else", () =>
    router.serveHonestClientDuring(async () => {
      const random = seededRandom(7);
      let sent = 0;
      while (sent < FRAMES) {
        const attackers = Array.from({ length: 8 }, () => router.connect());
        // A burst of plausible frames breaks less than one of noise, so that both the parser and what is behind it are met.
        for (const attacker of attackers) {
          const isNoise = random() < 0.5;
          const frames = Array.from({ length: 200 }, () => (isNoise ? noise(random) : plausible(random)));
          sent += frames.length;
          await attacker.flush(...frames);
        }
        for (const attacker of attackers) attacker.close();
      }
    }));
});

function noise(random: Random): Buffer {
  const streamId = random() < 0.5 ? below(random, 16) : below(random, 2 ** 31);
  return h2.frame(below(random, 16), below(random, 256), streamId, bytes(random, below(random, 64)));
}

function plausible(random: Random): Buffer {
  const streamId = 2 * below(random, 40) + 1;
  switch (below(random, 8)) {
    case 0:
    case 1:
      return h2.headers(streamId, h2.grpcFields(pick(random, [GENERATE, CHAT, "/", "/v1/chat/completions"])), {
        end: random() < 0.2,
      });
    case 2:
    case 3:
      return h2.data(streamId, bytes(random, below(random, 100)), { end: random() < 0.3 });
    case 4:
      return h2.reset(streamId, below(random, 20));
    case 5:
      return h2.windowUpdate(random() < 0.5 ? 0 : streamId, below(random, 1000));
    case 6:
      return random() < 0.5 ? h2.ping() : h2.settings(bytes(random, 6 * below(random, 3)));
    default:
      return h2.frame(h2.FrameType.priority, 0, streamId, bytes(random, 5));
  }
}

function bytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => below(random, 256)));
}

describe(`mutated messages, up to ${MESSAGES}`, () => {
  it("are each answered, and never by an error that is the router's own", () =>
    router.serveHonestClientDuring(async () => {
      const random = seededRandom(11);
      const askers = Array.from({ length: 4 }, () => connect(`http://127.0.0.1:${router.port}`));
      const statuses = new Map<string, number>();
      const turnSize = askers.length * 100;
      const enough = AbortSignal.timeout(MESSAGES_MS);
      let sent = 0;
      while (sent < MESSAGES && (sent < turnSize || !enough.aborted)) {
        const turn = Array.from({ length: turnSize }, (_, i) =>
          send(pick(random, askers), path(i), mutated(random, i)),
        );
        for (const status of await Promise.all(turn)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
        sent += turnSize;
      }
      for (const asker of askers) asker.destroy();
      const [INVALID_ARGUMENT, INTERNAL, UNKNOWN] = ["3", "13", "2"];
      expect(Object.fromEntries(statuses)).not.toHaveProperty(INTERNAL);
      expect(Object.fromEntries(statuses)).not.toHaveProperty(UNKNOWN);
      expect(statuses.get(INVALID_ARGUMENT)).toBeGreaterThan(sent / 10);
    }));
});

const path = (i: number) => (i % 20 === 0 ? CHAT : GENERATE);

/** Of a model that does not exist, so that what stays valid is refused as well and computes nothing. */
const generate = toBinary(
  GenerateRequestSchema,
  create(GenerateRequestSchema, {
    model: "nobody",
    requestId: "request-1",
    messages: [
      { role: Role.SYSTEM, content: "be brief" },
      { role: Role.USER, content: "where is my parcel? \u{1F4E6}" },
    ],
    sampling: { maxTokens: 1, temperature: 0.5, topP: 0.9, seed: 7, stop: ["\n", "###"] },
  }),
);
const chat = toBinary(
  ChatRequestSchema,
  create(ChatRequestSchema, { action: { case: "turn", value: { content: "hello", model: "nobody" } } }),
);

/** One message in its envelope, both damaged by one to four strokes. */
function mutated(random: Random, i: number): Buffer {
  let message: Buffer = Buffer.from(path(i) === CHAT ? chat : generate);
  for (let strokes = 1 + below(random, 4); strokes > 0; strokes--) message = stroke(random, message);
  const says = random() < 0.05 ? below(random, 2 ** 32) : message.length;
  // A typed method answers an envelope that claims compression with INTERNAL, as gRPC asks for.
  const flags = random() < 0.05 && path(i) === GENERATE ? below(random, 256) : 0;
  return Buffer.concat([Buffer.of(flags), h2.uint32(says), message]);
}

function stroke(random: Random, message: Buffer): Buffer {
  const at = below(random, message.length + 1);
  const to = at + below(random, 12);
  const [before, part, after] = [message.subarray(0, at), message.subarray(at, to), message.subarray(to)];
  switch (below(random, 6)) {
    case 0:
      return Buffer.concat([before, after]);
    case 1:
      return Buffer.concat([before, part, part, after]);
    case 2:
      return Buffer.concat([before, bytes(random, below(random, 12)), part, after]);
    case 3:
      return Buffer.concat([before, bytes(random, part.length), after]);
    case 4:
      return Buffer.from(before);
    default:
      return Buffer.concat([after, part, before]);
  }
}

/** The gRPC status it was answered with, or how the stream ended without one. */
function send(session: ClientHttp2Session, path: string, body: Buffer): Promise<string> {
  const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
  return new Promise((resolve) => {
    let status = "none";
    const note = (fields: IncomingHttpHeaders) => {
      status = String(fields["grpc-status"] ?? status);
    };
    const stream = session.request(headers);
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("error", () => undefined);
    stream.once("close", () => resolve(status));
    stream.resume();
    stream.end(body);
  });
}
