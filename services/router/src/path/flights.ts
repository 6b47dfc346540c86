// Identical requests that are being answered right now: the second one reads along, here and at other routers. Their lookups are
// one as well, so that a burst asks the cache once.
import { hash, randomBytes } from "node:crypto";
import { Deferred } from "@chimera/kernel";
import type { CacheAnswer } from "./cache-door.ts";
import type { Generation } from "./generation.ts";

export interface Running {
  generation: Generation;
  /** Resolves at its end. */
  over: Promise<void>;
  /** First digits of its cache key. */
  keyPrefix: string;
}

/** A flight that other routers may know of. */
interface Announced {
  /** Settled when its answer is begun, or will not be. */
  begun: Deferred<Generation | undefined>;
  isBegun: boolean;
}

/** A lookup under way, and the flight that was offered with it. */
export interface SharedLookup {
  flightId: string | undefined;
  found: Promise<CacheAnswer>;
}

export class Flights {
  /** All bounded by the router's requests in flight. */
  readonly #byKey = new Map<string, Running>();
  readonly #byId = new Map<string, Announced>();
  readonly #lookups = new Map<string, SharedLookup>();

  /** `key`: see flightKey(). Undefined where nobody asks the same, or too much of it is gone. */
  find(key: string): Running | undefined {
    const running = this.#byKey.get(key);
    return running?.generation.isJoinable ? running : undefined;
  }

  add(key: string, running: Running): void {
    this.#byKey.set(key, running);
    void running.over.then(() => {
      if (this.#byKey.get(key) === running) this.#byKey.delete(key);
    });
  }

  /** The lookup of this question that is under way, or the one that `begin` begins. */
  lookUp(key: string, begin: () => SharedLookup): SharedLookup & { isFirst: boolean } {
    const pending = this.#lookups.get(key);
    if (pending) return { ...pending, isFirst: false };
    const lookup = begin();
    this.#lookups.set(key, lookup);
    void lookup.found.then(() => this.#lookups.delete(key));
    return { ...lookup, isFirst: true };
  }

  /** The id of a new flight: whoever knows it may read along. To be given to lead() or drop(). */
  announce(): string {
    const id = randomBytes(16).toString("hex");
    this.#byId.set(id, { begun: new Deferred(), isBegun: false });
    return id;
  }

  /** Announced, and neither led nor dropped yet. */
  isOpen(id: string): boolean {
    return this.#byId.get(id)?.isBegun === false;
  }

  /** The answer of an open flight; false where it is not open. */
  lead(id: string, { generation, over }: Running): boolean {
    const announced = this.#byId.get(id);
    if (!announced || announced.isBegun) return false;
    announced.isBegun = true;
    announced.begun.resolve(generation);
    void over.then(() => this.#byId.delete(id));
    return true;
  }

  /** Nothing comes of this flight; false where something already has. */
  drop(id: string): boolean {
    if (!this.isOpen(id)) return false;
    this.#byId.get(id)?.begun.resolve(undefined);
    return this.#byId.delete(id);
  }

  /** The answer of a flight, which may not be begun yet; undefined where there is none that can still be read whole. */
  async follow(id: string): Promise<Generation | undefined> {
    const generation = await this.#byId.get(id)?.begun.promise;
    return generation?.isJoinable ? generation : undefined;
  }
}

/** `input`: an encoded CacheKeyInput, tenant included. */
export function flightKey(input: Uint8Array): string {
  return hash("sha256", input, "base64");
}
