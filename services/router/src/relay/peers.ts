// The other routers, reached where the cache says: one relay for each, opened when it is first needed.
import type { Tls } from "@chimera/rpc";
import { rawRelay } from "./raw-relay.ts";
import type { Relay } from "./relay.ts";

const FOLLOW = "/chimera.router.v1.RouterPeerService/Follow";
/** Addresses of routers that are gone are among them; the one that was not used for the longest time makes room. */
const MAX_PEERS = 64;

export interface PeersOptions {
  tls?: Tls | undefined;
  /** For tests without sockets. */
  open?: (url: string) => Relay;
}

export class Peers {
  /** Where they reach this router; undefined where they do not. */
  url: string | undefined;
  readonly #open: (url: string) => Relay;
  /** Longest unused first. */
  readonly #relays = new Map<string, Relay>();

  constructor({ tls, open = (url) => rawRelay(url, { path: FOLLOW, tls }) }: PeersOptions = {}) {
    this.#open = open;
  }

  relay(url: string): Relay {
    const relay = this.#relays.get(url) ?? this.#open(url);
    this.#relays.delete(url);
    this.#relays.set(url, relay);
    if (this.#relays.size > MAX_PEERS) this.#closeOldest();
    return relay;
  }

  close(): void {
    for (const relay of this.#relays.values()) relay.close();
    this.#relays.clear();
  }

  #closeOldest(): void {
    const [oldest] = this.#relays;
    if (!oldest) return;
    this.#relays.delete(oldest[0]);
    oldest[1].close();
  }
}
