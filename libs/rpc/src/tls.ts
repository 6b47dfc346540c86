// Certificates of this process: read from files, renewed while it runs, used by its servers and by its calls to others.
import { isIP } from "node:net";
import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from "node:tls";
import { ConfigError, type ReloadingOptions, reloading } from "@chimera/lifecycle";

export interface TlsFiles {
  /** The chain, leaf first. */
  certFile?: string | undefined;
  keyFile?: string | undefined;
  /**
   * Who may vouch for the other side. A server with it takes only callers with a certificate of theirs; a client trusts them
   * instead of the system's list.
   */
  caFile?: string | undefined;
  /** The name in the certificates of other services, where they are reached by an address that is not in there. */
  peerName?: string | undefined;
}

export interface Tls {
  /** With certificate and key: what a server needs. */
  readonly isComplete: boolean;
  /** Whether the other side must show a certificate. */
  readonly checksPeers: boolean;
  /** As the files are now. */
  readonly options: SecureContextOptions;
  /** For `http2.connect`: every new connection uses the files as they are then. */
  readonly client: { createConnection(authority: URL): TLSSocket };
  onChange(listener: (options: SecureContextOptions) => void): void;
  close(): void;
}

export interface TlsSurroundings {
  logger: ReloadingOptions<unknown>["logger"];
  pollMs?: number;
}

/**
 * Undefined where no file is named. Throws a ConfigError where one can not be used; files that turn bad later are logged and
 * leave what was there before in use.
 */
export function openTls(files: TlsFiles, { logger, pollMs }: TlsSurroundings): Tls | undefined {
  const { certFile, keyFile, caFile, peerName } = files;
  const named = [certFile, keyFile, caFile].filter((file) => file !== undefined);
  if (named.length === 0) return undefined;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new ConfigError("a TLS certificate needs its key and a key its certificate: set both files, or neither");
  }
  const material = readable(named, () =>
    reloading({
      what: "the TLS files",
      files: named,
      parse: (contents) => {
        const [cert, key] = certFile === undefined ? [] : contents;
        const ca = caFile === undefined ? undefined : contents.at(-1);
        return usable({ cert, key, ca });
      },
      logger,
      ...(pollMs !== undefined && { pollMs }),
    }),
  );
  return {
    isComplete: certFile !== undefined,
    checksPeers: caFile !== undefined,
    get options() {
      return material.current.options;
    },
    client: { createConnection: (authority) => connection(authority, material.current.context, peerName) },
    onChange: (listener) => material.onChange(({ options }) => listener(options)),
    close: () => material.close(),
  };
}

interface Material {
  cert: Buffer | undefined;
  key: Buffer | undefined;
  ca: Buffer | undefined;
}

/** Throws where the parts are unreadable or do not belong together. */
function usable({ cert, key, ca }: Material): { options: SecureContextOptions; context: SecureContext } {
  if (ca !== undefined && !ca.includes("-----BEGIN CERTIFICATE-----"))
    throw new Error("the CA file holds no certificate");
  // 1.3 has no renegotiation and no weak suite to leave out.
  const options: SecureContextOptions = {
    minVersion: "TLSv1.3",
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(ca !== undefined && { ca }),
  };
  return { options, context: createSecureContext(options) };
}

function readable<T>(files: readonly string[], open: () => T): T {
  try {
    return open();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`the TLS files ${files.join(", ")} can not be used: ${reason}`);
  }
}

function connection({ hostname, port }: URL, secureContext: SecureContext, peerName: string | undefined): TLSSocket {
  const host = hostname.replace(/^\[|\]$/g, "");
  // The name decides which certificate is taken; an address is compared with the addresses in it.
  const servername = peerName ?? (isIP(host) ? undefined : host);
  const socket = connectTls({
    host,
    port: Number(port || 443),
    secureContext,
    ALPNProtocols: ["h2"],
    ...(servername !== undefined && { servername }),
  });
  socket.setNoDelay(true);
  return socket;
}
