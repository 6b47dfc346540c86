// gRPC over one HTTP/2 connection of node, which is opened when needed and again after it was lost.

import type { ClientHttp2Session } from "node:http2";
import { Code, type ConnectError, type Transport } from "@connectrpc/connect";
import { type Connection, givenConnection } from "./connection.ts";

export interface Tls {
  /** PEM of the authorities to trust instead of node's own. */
  ca?: string;
  /** PEM of the certificate this client shows, and of its key. */
  cert?: string;
  key?: string;
}

/** One message. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Unread bytes of one answer before its sender stops. */
const STREAM_WINDOW_BYTES = 64 * 1024;
/** On the way for all answers together. node's own 64 KB would make many of them wait for each other over a long way. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Memory node may hold for the connection, MB. */
const SESSION_MEMORY_MB = 64;
/** Between two signs of life while calls are open, and how long one may take. */
const PING_INTERVAL_MS = 20_000;
const PING_TIMEOUT_MS = 5_000;

export interface NodeTransportOptions {
  baseUrl: string;
  tls?: Tls;
  /** A Connect transport of your own instead of gRPC over node's HTTP/2. */
  transport?: Transport;
}

export function nodeConnection({ baseUrl, tls = {}, transport }: NodeTransportOptions): Connection {
  if (transport) return givenConnection(transport);
  let opened: ReturnType<typeof open> | undefined;
  return {
    async transport() {
      opened ??= open(baseUrl, tls);
      return (await opened).transport;
    },
    isLost,
    close: () => void opened?.then(({ sessions }) => sessions.abort()).catch(() => undefined),
  };
}

/** Loaded when needed, so that a program that brings its own transport does not load node's. */
async function open(baseUrl: string, tls: Tls) {
  const { createGrpcTransport, Http2SessionManager } = await import("@connectrpc/connect-node");

  const known = new WeakSet<ClientHttp2Session>();
  class Sessions extends Http2SessionManager {
    override async request(...args: Parameters<InstanceType<typeof Http2SessionManager>["request"]>) {
      const stream = await super.request(...args);
      const session = stream.session as ClientHttp2Session | undefined;
      if (session && !known.has(session)) {
        known.add(session);
        session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
        // Closed while it breaks, the manager no longer listens, and node would end the process.
        session.on("error", () => undefined);
      }
      return stream;
    }
  }

  const sessions = new Sessions(
    baseUrl,
    { pingIntervalMs: PING_INTERVAL_MS, pingTimeoutMs: PING_TIMEOUT_MS },
    {
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
      maxSessionMemory: SESSION_MEMORY_MB,
      ...tls,
    },
  );
  const transport: Transport = createGrpcTransport({
    baseUrl,
    sessionManager: sessions,
    readMaxBytes: MAX_MESSAGE_BYTES,
    // Tokens are small; compressing them costs more than it saves.
    acceptCompression: [],
  });
  return { sessions, transport };
}

/** node's codes of what goes wrong below a call: system calls, HTTP/2 connections, streams that are gone, TLS. */
const LOST =
  /^(E[A-Z]+|ERR_HTTP2_(?!STREAM_ERROR)\w+|ERR_STREAM_(PREMATURE_CLOSE|DESTROYED)|ERR_(TLS|SSL)_\w+|.*CERT.*)$/;

/** Connect reports a connection that breaks under a call as ABORTED, INTERNAL or, without a status, CANCELED. */
function isLost({ code, metadata, cause }: ConnectError): boolean {
  if (code === Code.Canceled) return !metadata.has("grpc-status");
  if (!(cause instanceof Error) || !("code" in cause)) return false;
  if (cause.code === "ERR_HTTP2_STREAM_ERROR") return cause.message.includes("REFUSED_STREAM");
  return LOST.test(String(cause.code));
}
