// Where other machines reach this replica, as far as it can know that itself.
import { hostname } from "node:os";

/** Listening on all of them is no address to call. */
const ALL_ADDRESSES = new Set(["0.0.0.0", "::", ""]);

interface Address {
  publicUrl?: string | undefined;
  host: string;
  tlsCertFile?: string | undefined;
}

/** `port` is the one it really listens on. */
export function publicUrl({ publicUrl, host, tlsCertFile }: Address, port: number): string {
  if (publicUrl !== undefined) return new URL(publicUrl).origin;
  const name = ALL_ADDRESSES.has(host) ? hostname() : host;
  return `${tlsCertFile === undefined ? "http" : "https"}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
