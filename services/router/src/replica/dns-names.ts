// Replicas behind a name: a headless service has one address for each. Names are asked again and again, since addresses come
// and go.
import { setTimeout as wait } from "node:timers/promises";

/** http://name:port behind it, or https; every address of the name is a replica. */
const DNS_URL = /^dns\+(https?:.*)$/;
/** More addresses of one name are left out. */
const MAX_ADDRESSES = 256;

/** A resolver that takes longer counts as one that does not answer. */
const TIMEOUT_MS = 2000;

export interface Address {
  address: string;
  family: number;
}

/** All addresses of a host. */
export type Lookup = (host: string) => Promise<readonly Address[]>;

interface Name {
  /** As in the settings. */
  key: string;
  host: string;
  toUrl(address: string): string;
}

export class DnsNames {
  /** Those of the settings; bounded by them. */
  readonly #names: Name[];
  readonly #lookup: Lookup;
  /** What each name last resolved to. */
  readonly #urls = new Map<string, readonly string[]>();
  #isAsking = false;

  /** `urls` that name no DNS name are left to others. */
  constructor(urls: readonly string[], lookup: Lookup) {
    this.#names = urls.flatMap((url) => {
      const behind = DNS_URL.exec(url)?.[1];
      if (behind === undefined) return [];
      const { protocol, hostname: host, port } = new URL(behind);
      return [{ key: url, host, toUrl: (address) => `${protocol}//${address}${port && `:${port}`}` }];
    });
    this.#lookup = lookup;
  }

  /** http://address:port, or https, of every replica the names stand for now. A name that can not be resolved stands for what it did. */
  async resolve(): Promise<ReadonlySet<string>> {
    if (!this.#isAsking) {
      this.#isAsking = true;
      await Promise.all(this.#names.map((name) => this.#ask(name)));
      this.#isAsking = false;
    }
    return new Set([...this.#urls.values()].flat());
  }

  get isEmpty(): boolean {
    return this.#names.length === 0;
  }

  async #ask({ key, host, toUrl }: Name): Promise<void> {
    const late = wait(TIMEOUT_MS, undefined, { ref: false });
    const found = await Promise.race([this.#lookup(host).catch(() => undefined), late]);
    if (found === undefined) return;
    // A process with an address of each family would be two.
    const family = found.some((each) => each.family === 4) ? 4 : 6;
    const addresses = [...new Set(found.filter((each) => each.family === family).map(({ address }) => address))].sort();
    this.#urls.set(
      key,
      addresses.slice(0, MAX_ADDRESSES).map((address) => toUrl(family === 6 ? `[${address}]` : address)),
    );
  }
}

export function isDnsUrl(url: string): boolean {
  return DNS_URL.test(url);
}
