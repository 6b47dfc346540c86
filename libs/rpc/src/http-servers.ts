// The HTTP/1.1 and the HTTP/2 server behind one port, within their bounds. Neither listens itself.
import * as http from "node:http";
import * as http2 from "node:http2";
import type { Duplex } from "node:stream";
import type { ConnectionGuard } from "./connection-guard.ts";
import { type ConnectionLimits, limits } from "./limits.ts";

/** The HTTP/2 objects of node's compatibility API fit these types as well. */
export type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

type Http2Handler = (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void;

export function createServers(bounds: ConnectionLimits, guard: ConnectionGuard, handler: Handler) {
  const sessions = new Set<http2.ServerHttp2Session>();
  const h1 = http.createServer(
    {
      maxHeaderSize: limits.headerBytes,
      requestTimeout: bounds.requestReadMs,
      headersTimeout: Math.min(bounds.firstByteMs, bounds.requestReadMs),
      connectionsCheckingInterval: Math.min(1000, bounds.firstByteMs),
    },
    (request, response) => {
      if (guard.pipelined(request, response)) handler(request, response);
    },
  );
  h1.maxHeadersCount = limits.headerLines;
  const h2 = http2.createServer(
    {
      settings: {
        maxConcurrentStreams: bounds.streamsPerConnection,
        initialWindowSize: limits.streamWindowBytes,
        maxHeaderListSize: limits.headerBytes,
      },
      maxHeaderListPairs: limits.headerLines,
      maxSettings: limits.settingsEntries,
      maxSessionInvalidFrames: limits.invalidFrames,
      maxSessionRejectedStreams: limits.refusedStreams,
      maxSessionMemory: limits.sessionMemoryMb,
      // Behind the guard's own count, which ends a connection in the middle of a packet; this one waits for its end.
      streamResetBurst: 2 * bounds.resetBurst,
      streamResetRate: 2 * bounds.resetsPerSecond,
    },
    handler as unknown as Http2Handler,
  );
  h2.on("session", (session) => {
    sessions.add(session);
    guard.session(session);
    session.setLocalWindowSize(limits.connectionWindowBytes);
    session.on("error", () => session.destroy());
    session.once("close", () => sessions.delete(session));
  });
  h2.on("sessionError", () => undefined);
  h1.on("clientError", refuseHttp1);
  // The server itself never listens; node sets up its connection list and its time-outs on this event.
  h1.emit("listening");
  return { h1, h2, sessions };
}

/** Lets the guard see every stream first. */
export function guardStreams(h2: http2.Http2Server, guard: ConnectionGuard): void {
  const listeners = h2.listeners("stream");
  h2.removeAllListeners("stream");
  h2.on("stream", (stream, headers, flags, rawHeaders) => {
    if (!guard.stream(stream, headers[":path"] ?? "", rawHeaders)) return;
    for (const listener of listeners) Reflect.apply(listener, h2, [stream, headers, flags, rawHeaders]);
  });
}

/** Of what can not be read, or was not sent in time. */
function refuseHttp1(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy();
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
}
