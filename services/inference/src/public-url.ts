// Where other machines reach this replica, as far as it can know that itself.
import { hostname } from "node:os";

/** Listening on all of them is no address to call. */
const ALL_ADDRESSES = new Set(["0.0.0.0", "::", ""]);

/** `port` is the one it really listens on. */
export function publicUrl({ publicUrl, host }: { publicUrl?: string | undefined; host: string }, port: number): string {
  if (publicUrl !== undefined) return new URL(publicUrl).origin;
  const name = ALL_ADDRESSES.has(host) ? hostname() : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
