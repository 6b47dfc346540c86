// Settings that every service has in the same words: certificates, and the bounds of its connections. Apart from the rest of
// this library, so that a command that only calls does not load them.
import { setting } from "@chimera/lifecycle";
import { z } from "zod";
import { defaultConnectionLimits as byDefault, type ConnectionLimits } from "./limits.ts";
import type { TlsFiles } from "./tls.ts";

const file = z.string().min(1).optional();

/** Certificates of a service within the mesh: for its server, and for its calls to others. */
export const meshTlsFields = {
  tlsCertFile: setting(
    "CHIMERA_TLS_CERT_FILE",
    "Certificate of this service (PEM, chain included), for its server and its calls; read again when it changes",
    file,
  ),
  tlsKeyFile: setting("CHIMERA_TLS_KEY_FILE", "Key of that certificate", file),
  tlsCaFile: setting(
    "CHIMERA_TLS_CA_FILE",
    "Who vouches for the other services; with it only callers with a certificate of theirs are served",
    file,
  ),
  tlsPeerName: setting(
    "CHIMERA_TLS_PEER_NAME",
    "Name to expect in the certificates of other services, where they are reached by an address that is not in there",
    z.string().min(1).max(253).optional(),
  ),
};

/** Certificates of a server that faces other callers than the mesh. */
export function doorTlsFields(prefix: string) {
  return {
    doorTlsCertFile: setting(
      `${prefix}_TLS_CERT_FILE`,
      "Certificate for callers (PEM, chain included); read again when it changes",
      file,
    ),
    doorTlsKeyFile: setting(`${prefix}_TLS_KEY_FILE`, "Key of that certificate", file),
    doorTlsCaFile: setting(
      `${prefix}_TLS_CA_FILE`,
      "Set it where callers must have a certificate, to the file of those who vouch for them",
      file,
    ),
  };
}

type Read<T> = { readonly [K in keyof T]: string | undefined };

export function meshTlsFiles(config: Read<typeof meshTlsFields>): TlsFiles {
  const { tlsCertFile, tlsKeyFile, tlsCaFile, tlsPeerName } = config;
  return { certFile: tlsCertFile, keyFile: tlsKeyFile, caFile: tlsCaFile, peerName: tlsPeerName };
}

/** The door's own files, or the mesh's, from which callers of the door then need no certificate. */
export function doorTlsFiles(config: Read<ReturnType<typeof doorTlsFields>> & Read<typeof meshTlsFields>): TlsFiles {
  const { doorTlsCertFile, doorTlsKeyFile, doorTlsCaFile, tlsCertFile, tlsKeyFile } = config;
  if (doorTlsCertFile || doorTlsKeyFile || doorTlsCaFile) {
    return { certFile: doorTlsCertFile, keyFile: doorTlsKeyFile, caFile: doorTlsCaFile };
  }
  return { certFile: tlsCertFile, keyFile: tlsKeyFile };
}

const count = (max: number) => z.coerce.number().int().min(1).max(max);
const milliseconds = z.coerce.number().int().min(10).max(86_400_000);

/** Bounds of the connections of a server that faces strangers. */
export function connectionFields(prefix: string) {
  return {
    maxConnections: setting(
      `${prefix}_MAX_CONNECTIONS`,
      "Connections at a time; one more takes the place of one that does nothing",
      count(1_000_000).default(byDefault.maxConnections),
    ),
    streamsPerConnection: setting(
      `${prefix}_MAX_STREAMS_PER_CONNECTION`,
      "Streams that one HTTP/2 connection may have open",
      count(65_535).default(byDefault.streamsPerConnection),
    ),
    openStreams: setting(
      `${prefix}_MAX_STREAMS`,
      "Streams that all HTTP/2 connections together may have open; about 15 KB each",
      count(10_000_000).default(byDefault.openStreams),
    ),
    firstByteMs: setting(
      `${prefix}_FIRST_BYTE_MS`,
      "How long a new connection may take for its TLS handshake and its first headers, in milliseconds",
      milliseconds.default(byDefault.firstByteMs),
    ),
    idleConnectionMs: setting(
      `${prefix}_IDLE_CONNECTION_MS`,
      "An HTTP/2 connection without a stream for this long is asked to go, in milliseconds",
      milliseconds.default(byDefault.idleConnectionMs),
    ),
    requestReadMs: setting(
      `${prefix}_REQUEST_READ_MS`,
      "How long a request may take to arrive, from its headers to its last byte, in milliseconds",
      milliseconds.default(byDefault.requestReadMs),
    ),
    unfinishedRequestBytes: setting(
      `${prefix}_UNFINISHED_REQUEST_BYTES`,
      "Memory for requests that have not arrived in full; beyond it the largest is given up",
      count(64 * 1024 ** 3).default(byDefault.unfinishedRequestBytes),
    ),
    resetBurst: setting(
      `${prefix}_RESET_BURST`,
      "Streams of one connection that callers may break off at once before the connection is closed",
      count(1_000_000).default(byDefault.resetBurst),
    ),
    resetsPerSecond: setting(
      `${prefix}_RESETS_PER_SECOND`,
      "How fast that allowance grows back",
      count(1_000_000).default(byDefault.resetsPerSecond),
    ),
  };
}

/** Of a config that has these fields among others. */
export function connectionLimits(config: ConnectionLimits): ConnectionLimits {
  const names = Object.keys(byDefault) as (keyof ConnectionLimits)[];
  return Object.fromEntries(names.map((name) => [name, config[name]])) as unknown as ConnectionLimits;
}
