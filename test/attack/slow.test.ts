// Slowness: connections that begin and never get anywhere. Time limits are shortened for these tests; nothing else is changed.
import { connect as connectTcp } from "node:net";
import * as h2 from "@chimera/rpc/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { AttackedRouter, GENERATE } from "./attacked-router.ts";

const TRICKLE_MS = 100;
const ATTACKERS = 50;

let router: AttackedRouter;
beforeAll(async () => {
  router = await AttackedRouter.start({
    ROUTER_FIRST_BYTE_MS: "2000",
    ROUTER_REQUEST_READ_MS: "2000",
    ROUTER_IDLE_CONNECTION_MS: "2000",
  });
});
afterEach(() => router.expectRecovered());
afterAll(() => router?.[Symbol.asyncDispose]());

interface Trickle {
  /** Sent at once. */
  start: Buffer;
  /** Sent bit by bit, for as long as it is allowed. */
  next: (turn: number) => Buffer;
}

const headerByHeader = (turn: number) => Buffer.from(`x-${turn}: y\r\n`);
const http1 = (more: string) =>
  Buffer.from(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${more}`);
const preface = Buffer.concat([h2.PREFACE, h2.settings()]);
const opened = Buffer.concat([preface, h2.headers(1, h2.grpcFields(GENERATE))]);

const trickles: [string, Trickle][] = [
  ["HTTP/1.1 headers, line by line", { start: http1(""), next: headerByHeader }],
  ["an HTTP/1.1 body, byte by byte", { start: http1("content-length: 100000\r\n\r\n"), next: () => Buffer.from(" ") }],
  ["the HTTP/2 preface, byte by byte", { start: Buffer.alloc(0), next: (turn) => h2.PREFACE.subarray(turn, turn + 1) }],
  [
    "one HTTP/2 header block, frame by frame",
    {
      start: Buffer.concat([preface, h2.headers(1, h2.grpcFields(GENERATE), { more: true })]),
      next: () => h2.continuation(1, h2.fieldBlock([["x", "y"]])),
    },
  ],
  ["nothing but pings", { start: preface, next: () => h2.ping() }],
];

describe("a client that sends", () => {
  it.each(trickles)("%s, is cut off", (_name, trickle) =>
    router.serveHonestClientDuring(async () => {
      await Promise.all(Array.from({ length: ATTACKERS }, () => cutOff(trickle)));
    }),
  );

  it("an HTTP/2 body, byte by byte, loses its stream and in time its connection", () =>
    router.serveHonestClientDuring(async () => {
      const attackers = Array.from({ length: ATTACKERS }, () => router.connect({ preface: false }));
      const message = Buffer.concat([Buffer.of(0), h2.uint32(100_000)]);
      for (const attacker of attackers) attacker.send(opened, h2.data(1, message));
      const timer = setInterval(() => {
        for (const attacker of attackers) attacker.send(h2.data(1, Buffer.of(7)));
      }, TRICKLE_MS);
      try {
        for (const attacker of attackers) {
          expect(await attacker.frame((frame) => h2.endsStream(frame) || attacker.isClosed)).toBeDefined();
        }
      } finally {
        clearInterval(timer);
      }
      // Nothing is open on them any more.
      await Promise.all(attackers.map(({ closed }) => closed));
    }));
});

/** Resolves when the server has closed the connection. */
function cutOff({ start, next }: Trickle): Promise<void> {
  const socket = connectTcp({ port: router.port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => undefined);
  socket.resume();
  if (start.length > 0) socket.write(start);
  let turn = 0;
  const timer = setInterval(() => {
    if (socket.writable) socket.write(next(turn++));
  }, TRICKLE_MS);
  return new Promise((resolve) =>
    socket.once("close", () => {
      clearInterval(timer);
      resolve();
    }),
  );
}
