// HTTP/1.1 and HTTP/2 on one port: the first bytes of a connection tell which it is, or its TLS handshake does.
import type * as http from "node:http";
import type * as http2 from "node:http2";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { ConnectionGuard } from "./connection-guard.ts";
import type { Tls } from "./tls.ts";

export interface OnePortOptions {
  h1: http.Server;
  h2: http2.Http2Server;
  guard: ConnectionGuard;
  tls: Tls | undefined;
}

type Accept = (socket: Socket) => void;
type Decide = (socket: Socket, isHttp2: boolean) => void;

/** The servers given, and the one for TLS, never listen themselves, so that every connection passes the guard first. */
export function onePort({ h1, h2, guard, tls }: OnePortOptions): Server {
  const decide: Decide = (socket, isHttp2) => void (isHttp2 ? h2 : h1).emit("connection", socket);
  const accept = tls ? encrypted(tls, guard, decide) : plain(guard, decide);
  return createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    if (guard.admit(socket)) accept(socket);
  });
}

function encrypted(tls: Tls, guard: ConnectionGuard, decide: Decide): Accept {
  /** By their two addresses, which is all that a socket after its handshake has in common with the one before. */
  const handshaking = new Map<string, Socket>();
  const server = createTlsServer({
    ...tls.options,
    ALPNProtocols: ["h2", "http/1.1"],
    requestCert: tls.checksPeers,
    rejectUnauthorized: tls.checksPeers,
  });
  tls.onChange((options) => server.setSecureContext(options));
  server.on("secureConnection", (socket: TLSSocket) => {
    const accepted = handshaking.get(addressesOf(socket));
    if (accepted) guard.begun(accepted);
    socket.on("error", () => socket.destroy());
    decide(socket, socket.alpnProtocol === "h2");
  });
  return (socket) => {
    const addresses = addressesOf(socket);
    handshaking.set(addresses, socket);
    socket.once("close", () => handshaking.delete(addresses));
    server.emit("connection", socket);
  };
}

function addressesOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}

// "PRI " opens every HTTP/2 connection; no HTTP/1.1 method starts with it.
const PREFACE = Buffer.from("PRI ");

function plain(guard: ConnectionGuard, decide: Decide): Accept {
  return (socket) =>
    peek(socket, Buffer.alloc(0), (isHttp2) => {
      guard.begun(socket);
      decide(socket, isHttp2);
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
