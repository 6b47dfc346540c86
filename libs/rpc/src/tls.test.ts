// Servers and callers with certificates: who is taken, who is refused, and what changes without a restart.
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect as connectTcp } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { Health, HealthCheckResponse_ServingStatus as Status } from "@chimera/contracts/health";
import { ConfigError } from "@chimera/lifecycle";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { connectClient, openTls, RawChannel, type RpcServer, startServer, type Tls, type TlsFiles } from "./index.ts";
import { Authority, CertificateFolder, type KeyAndCertificate } from "./testing/certificates.ts";

const CHECK = "/grpc.health.v1.Health/Check";

let ours: Authority;
let theirs: Authority;
let service: KeyAndCertificate;
let stranger: KeyAndCertificate;
beforeAll(() => {
  [ours, theirs] = [new Authority("ours"), new Authority("theirs")];
  [service, stranger] = [ours.issue(["127.0.0.1", "inference.mesh"]), theirs.issue(["127.0.0.1"])];
});

const open: { close(): void | Promise<void> }[] = [];
let folders: CertificateFolder[] = [];
const errors: string[] = [];
beforeEach(() => void errors.splice(0));
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  for (const folder of folders.splice(0)) folder.remove();
});

function newFolder(): CertificateFolder {
  const folder = new CertificateFolder();
  folders = [...folders, folder];
  return folder;
}

function tlsOf(files: TlsFiles): Tls {
  const logger = { info: () => undefined, error: (details: object) => void errors.push(JSON.stringify(details)) };
  const tls = openTls(files, { logger, pollMs: 5 });
  if (!tls) throw new Error("no files were named");
  open.push(tls);
  return tls;
}

/** What a service holds: `who`'s certificate, and whom it trusts. */
const holding = (who: KeyAndCertificate, ca?: string) => tlsOf(newFolder().putAll(who, ca));
const trusting = (ca: string) => tlsOf({ caFile: newFolder().put("ca.pem", ca) });

async function serve(tls: Tls): Promise<RpcServer> {
  const server = await startServer({
    name: "demo",
    host: "127.0.0.1",
    port: 0,
    services: [],
    routes: () => undefined,
    logger: { error: () => undefined },
    tls,
  });
  open.push(server);
  return server;
}

async function check(url: string, tls?: Tls): Promise<Status> {
  const { client, close } = connectClient(Health, url, { tls });
  try {
    return (await client.check({}, { timeoutMs: 20_000 })).status;
  } finally {
    close();
  }
}

describe("a server with a certificate", () => {
  it("serves gRPC, raw calls, HTTPS over HTTP/2 and over HTTP/1.1 on one port, and nothing without TLS", async () => {
    const server = await serve(holding(service));
    const tls = trusting(ours.cert);
    expect(await check(`https://${server.address}`, tls)).toBe(Status.SERVING);
    const raw = new RawChannel(`https://${server.address}`, { tls });
    open.push(raw);
    expect(await raw.unary(CHECK, new Uint8Array())).toEqual(Buffer.from([8, Status.SERVING]));
    for (const protocol of ["h2", "http/1.1", undefined]) {
      expect(await postJson(server.port, protocol)).toContain("SERVING");
    }
    await expect(check(`http://${server.address}`)).rejects.toThrow();
    expect(await check(`https://${server.address}`, tls)).toBe(Status.SERVING);
  });

  it("is refused by callers that do not know its authority, or that asked for somebody else", async () => {
    const server = await serve(holding(service));
    await expect(check(`https://${server.address}`, trusting(theirs.cert))).rejects.toThrow();
    await expect(check(`https://${server.address}`)).rejects.toThrow();
    const byName = (peerName: string) => tlsOf({ caFile: newFolder().put("ca.pem", ours.cert), peerName });
    expect(await check(`https://${server.address}`, byName("inference.mesh"))).toBe(Status.SERVING);
    await expect(check(`https://${server.address}`, byName("cache.mesh"))).rejects.toThrow(/cache\.mesh/);
    const elsewhere = await serve(holding(ours.issue(["somewhere.else"])));
    await expect(check(`https://${elsewhere.address}`, trusting(ours.cert))).rejects.toThrow(/127\.0\.0\.1/);
  });

  it("takes TLS 1.3 and nothing older", async () => {
    const server = await serve(holding(service));
    expect(await handshake(server.port, "TLSv1.3")).toBe("TLSv1.3");
    await expect(handshake(server.port, "TLSv1.2")).rejects.toThrow();
  });

  it("outlives callers that send rubbish, half a handshake, or leave in the middle of one", async () => {
    const server = await serve(holding(service));
    for (const bytes of [
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.from([22, 3, 1, 255, 255]),
      Buffer.alloc(9000, 22),
    ]) {
      const socket = connectTcp(server.port, "127.0.0.1");
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.on("error", () => undefined);
      socket.resume();
      socket.write(bytes, () => socket.resetAndDestroy());
      await closed;
    }
    expect(await check(`https://${server.address}`, trusting(ours.cert))).toBe(Status.SERVING);
    await vi.waitFor(() => expect(server.connections).toBe(0), 10_000);
  });
});

describe("a server that asks for certificates", () => {
  it("serves those its authority vouches for, and nobody else", async () => {
    const server = await serve(holding(service, ours.cert));
    const url = `https://${server.address}`;
    expect(await check(url, holding(ours.issue(["router.mesh"]), ours.cert))).toBe(Status.SERVING);
    await expect(check(url, trusting(ours.cert))).rejects.toThrow();
    await expect(check(url, holding(stranger, ours.cert))).rejects.toThrow();
    await expect(check(url, holding(ours.issue(["late"], { isExpired: true }), ours.cert))).rejects.toThrow();
  });
});

describe("files that change", () => {
  it("give new connections the new certificate, on both sides, and leave open ones alone", async () => {
    const [server, client] = [newFolder(), newFolder()];
    const started = await serve(tlsOf(server.putAll(service, ours.cert)));
    const url = `https://${started.address}`;
    const tls = tlsOf(client.putAll(ours.issue(["router.mesh"]), ours.cert));
    const held = connectClient(Health, url, { tls });
    open.push(held);
    expect((await held.client.check({})).status).toBe(Status.SERVING);

    server.putAll(stranger, theirs.cert);
    await vi.waitFor(() => expect(check(url, tls)).rejects.toThrow(), 10_000);
    client.putAll(theirs.issue(["router.mesh"]), theirs.cert);
    await vi.waitFor(async () => expect(await check(url, tls)).toBe(Status.SERVING), 10_000);
    expect((await held.client.check({})).status).toBe(Status.SERVING);
  });

  it("that can not be used leave the old certificate in use, and are named in the log", async () => {
    const folder = newFolder();
    const server = await serve(tlsOf(folder.putAll(service)));
    const url = `https://${server.address}`;
    folder.put("key.pem", stranger.key);
    await vi.waitFor(() => expect(errors.join()).toMatch(/key\.pem/), 10_000);
    expect(errors.join()).not.toMatch(/PRIVATE/);
    expect(await check(url, trusting(ours.cert))).toBe(Status.SERVING);
    folder.put("cert.pem", stranger.cert);
    const known = trusting(theirs.cert);
    await vi.waitFor(async () => expect(await check(url, known)).toBe(Status.SERVING), 10_000);
  });
});

describe("openTls", () => {
  const quiet = { logger: { info: () => undefined, error: () => undefined } };
  it("gives nothing where nothing is named, and says what is wrong with what is", () => {
    expect(openTls({}, quiet)).toBeUndefined();
    const folder = newFolder();
    const { certFile, keyFile } = folder.putAll(service);
    expect(() => openTls({ certFile }, quiet)).toThrow(/needs its key/);
    expect(() => openTls({ certFile, keyFile: "/nowhere/key.pem" }, quiet)).toThrow(/\/nowhere\/key\.pem/);
    expect(() => openTls({ caFile: keyFile }, quiet)).toThrow(/no certificate/);
    const other = folder.put("other.pem", stranger.key);
    expect(() => openTls({ certFile, keyFile: other }, quiet)).toThrow(ConfigError);
  });

  it("is not enough for a server without a certificate", async () => {
    await expect(serve(trusting(ours.cert))).rejects.toThrow(/certificate/);
  });
});

function handshake(port: number, version: "TLSv1.2" | "TLSv1.3"): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connectTls(
      { port, host: "127.0.0.1", ca: ours.cert, minVersion: version, maxVersion: version, ALPNProtocols: ["h2"] },
      () => {
        resolve(socket.getProtocol());
        socket.destroy();
      },
    );
    socket.once("error", reject);
  });
}

/** `protocol`: what the client offers; undefined for a client that knows nothing of ALPN. */
function postJson(port: number, protocol: string | undefined): Promise<string> {
  const ca = ours.cert;
  return new Promise((resolve, reject) => {
    const collect = (stream: NodeJS.ReadableStream, done: () => void) => {
      let text = "";
      stream.on("data", (chunk: Buffer) => {
        text += chunk;
      });
      stream.on("end", () => {
        done();
        resolve(text);
      });
    };
    if (protocol === "h2") {
      const session = connectHttp2(`https://127.0.0.1:${port}`, { ca });
      session.on("error", reject);
      const stream = session.request({ ":method": "POST", ":path": CHECK, "content-type": "application/json" });
      collect(stream, () => session.close());
      stream.end("{}");
      return;
    }
    const call = httpsRequest(
      {
        port,
        host: "127.0.0.1",
        path: CHECK,
        method: "POST",
        ca,
        headers: { "content-type": "application/json" },
        agent: false,
        ...(protocol && { ALPNProtocols: [protocol] }),
      },
      (response) => collect(response, () => undefined),
    );
    call.on("error", reject);
    call.end("{}");
  });
}
