// HTTP/1.1 and HTTP/2 without TLS on one port: the first bytes of a connection tell which it is.
import type * as http from "node:http";
import type * as http2 from "node:http2";
import { createServer, type Server, type Socket } from "node:net";
import { limits } from "./limits.ts";

// "PRI " opens every HTTP/2 connection; no HTTP/1.1 method starts with it.
const PREFACE = Buffer.from("PRI ");

export function onePort(h1: http.Server, h2: http2.Http2Server): Server {
  return createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.setTimeout(limits.firstByteMs, () => socket.destroy());
    peek(socket, Buffer.alloc(0), (isHttp2) => {
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      (isHttp2 ? h2 : h1).emit("connection", socket);
    });
  });
}

function peek(socket: Socket, before: Buffer, decide: (isHttp2: boolean) => void): void {
  socket.once("data", (chunk: Buffer) => {
    socket.pause();
    const start = Buffer.concat([before, chunk]);
    const length = Math.min(start.length, PREFACE.length);
    const matches = start.subarray(0, length).equals(PREFACE.subarray(0, length));
    if (matches && length < PREFACE.length) {
      peek(socket, start, decide);
      socket.resume();
      return;
    }
    socket.unshift(start);
    decide(matches);
    // HTTP/2 takes what was put back before it reads on by itself; data that flows by then would be lost to it.
    if (!matches) socket.resume();
  });
}
