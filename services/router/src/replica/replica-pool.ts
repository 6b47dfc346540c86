// The replicas a router may send to: those of its settings, those behind a DNS name, and those whose load reports it hears, kept
// current by asking each of them once a second.
import { lookup as dnsLookup } from "node:dns/promises";
import type { LoadReported } from "@chimera/contracts/events";
import type { DescribeResponse } from "@chimera/contracts/inference";
import { type Clock, InvalidRequestError, NotFoundError, type Random, UnavailableError } from "@chimera/kernel";
import { DEFAULT_POLICY, type PolicyName } from "../balance/policies.ts";
import type { Relay } from "../relay/relay.ts";
import { type Describer, openDescriber } from "./describer.ts";
import { DnsNames, isDnsUrl, type Lookup } from "./dns-names.ts";
import { Fleet, type RouteRequest, type ServedModel } from "./fleet.ts";
import { type Origin, Replica } from "./replica.ts";
import type { Reservation } from "./reservation.ts";
import { type ReplicaSnapshot, snapshotOf } from "./snapshot.ts";

export type { RouteRequest, ServedModel } from "./fleet.ts";
export type { Reservation } from "./reservation.ts";
export type { ReplicaSnapshot } from "./snapshot.ts";

const TICK_MS = 1000;
const DESCRIBE_TIMEOUT_MS = 1000;
/** Ticks between two looks at DNS. */
const DNS_TICKS = 5;
/** A discovered replica that neither reports nor answers for that long is forgotten. */
const FORGET_AFTER_MS = 5000;
/** Replicas beyond this are not taken in. */
const MAX_REPLICAS = 512;

export interface ReplicaPoolOptions {
  /** http://host:port of one replica, or dns+http://name:port of all behind a name; or https. */
  urls: readonly string[];
  random: Random;
  clock: Clock;
  /** Which way the answers of a replica come here. */
  openRelay(url: string): Relay;
  /** A replica was taken in, lost, left out for failing, or serves something else. */
  onChange(replica: Replica): void;
  policy?: PolicyName;
  openDescriber?(url: string): Describer;
  lookup?: Lookup;
  /** Calls back again and again; returns what ends it. */
  every?(callback: () => void, periodMs: number): () => void;
}

export class ReplicaPool {
  readonly #options: ReplicaPoolOptions;
  /** By origin of the URL; bounded by MAX_REPLICAS, and those of the settings stay. */
  readonly #replicas = new Map<string, Replica>();
  /** By model, in the order they were first heard of; none is empty. */
  readonly #fleets = new Map<string, Fleet>();
  /** Of every replica that has said what it serves. */
  readonly #fleetOf = new Map<Replica, Fleet>();
  readonly #dns: DnsNames;
  /** Those that are being asked. */
  readonly #asking = new Map<Replica, Promise<void>>();
  readonly #roomListeners: ((model: string) => void)[] = [];
  #policy: PolicyName;
  #ticks = 0;
  #stopTicking: () => void = () => undefined;

  constructor(options: ReplicaPoolOptions) {
    this.#options = options;
    this.#policy = options.policy ?? DEFAULT_POLICY;
    this.#dns = new DnsNames(options.urls, options.lookup ?? ((host) => dnsLookup(host, { all: true })));
    for (const url of options.urls) if (!isDnsUrl(url)) this.#takeIn(url, "settings");
  }

  /** Asks every replica once, then goes on in the background. */
  async start(): Promise<void> {
    const { every = everyPeriod } = this.#options;
    await this.#resolve();
    await this.#askAll();
    this.#stopTicking = every(() => void this.#tick(), TICK_MS);
  }

  get models(): ServedModel[] {
    return Array.from(this.#fleets.values(), (fleet) => fleet.served);
  }

  /** `id` may be empty where one model is served. Throws where it is not served, or nothing is known yet. */
  model(id: string): ServedModel {
    const found = this.#fleets.get(id);
    if (found) return found.served;
    const [only, ...others] = this.#fleets.values();
    if (only === undefined) throw new UnavailableError("no inference replica has answered yet");
    if (id === "" && others.length === 0) return only.served;
    const served = [...this.#fleets.keys()].join(", ");
    if (id === "")
      throw new InvalidRequestError([{ field: "model", description: `is empty; choose one of ${served}` }]);
    throw new NotFoundError(`model "${id.slice(0, 64)}" is not served here; served: ${served}`, "model");
  }

  /**
   * Chooses among the replicas with room and counts the request there. Undefined where none has room now: onRoom() tells when to
   * ask again. Throws UnavailableError, which says of each replica why it is out, where none can take it. `urgent` ignores the
   * limits.
   */
  reserve(request: RouteRequest, options?: { urgent?: boolean }): Reservation | undefined {
    const fleet = this.#fleets.get(request.model);
    if (fleet === undefined) throw new UnavailableError(`no replica of ${request.model} is known any more`);
    return fleet.reserve(request, options);
  }

  /** Of every model, from the next request on. */
  setPolicy(name: PolicyName): void {
    this.#policy = name;
    for (const fleet of this.#fleets.values()) fleet.setPolicy(name);
  }

  /** Whether a request can name it. */
  serves(model: string): boolean {
    return this.#fleets.has(model);
  }

  /** Called where a replica of the model may have room again, and where waiting for it has no end any more. */
  onRoom(listener: (model: string) => void): void {
    this.#roomListeners.push(listener);
  }

  snapshot(): ReplicaSnapshot[] {
    return Array.from(this.#replicas.values(), (replica) => snapshotOf(replica, this.#fleetOf.get(replica)));
  }

  /** Takes in how busy a replica says it is; one that was not known is asked what it serves, and may be sent to then. */
  note(report: LoadReported): void {
    const origin = originOf(report.url);
    const known = (origin === undefined ? undefined : this.#replicas.get(origin)) ?? this.#namedAs(report);
    const replica = known ?? (origin === undefined ? undefined : this.#takeIn(origin, "report"));
    if (replica === undefined) return;
    if (report.load) replica.noteLoad(report.load);
    if (known === undefined) void this.#ask(replica);
    else this.#fleetOf.get(replica)?.signalRoom();
  }

  close(): void {
    this.#stopTicking();
    for (const replica of this.#replicas.values()) replica.close();
  }

  async #tick(): Promise<void> {
    this.#ticks += 1;
    for (const fleet of this.#fleets.values()) fleet.settle();
    if (this.#ticks % DNS_TICKS === 0) void this.#resolve();
    await this.#askAll();
    this.#forget();
    // Pauses end without a word.
    for (const fleet of this.#fleets.values()) fleet.signalRoom();
  }

  async #askAll(): Promise<void> {
    await Promise.all(Array.from(this.#replicas.values(), (replica) => this.#ask(replica)));
  }

  /** One question at a time. */
  #ask(replica: Replica): Promise<void> {
    const asking = this.#asking.get(replica) ?? this.#askOnce(replica).finally(() => this.#asking.delete(replica));
    this.#asking.set(replica, asking);
    return asking;
  }

  async #askOnce(replica: Replica): Promise<void> {
    const before = stateOf(replica);
    // An answer that was under way when it lost a request says nothing about now.
    const { isDoubted } = replica;
    const timeout = AbortSignal.timeout(DESCRIBE_TIMEOUT_MS);
    try {
      const description = await replica.describer.describe(timeout);
      if (isDoubted) replica.isDoubted = false;
      this.#answered(replica, description);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      replica.didNotAnswer(cause, { timedOut: timeout.aborted });
    }
    const fleet = this.#fleetOf.get(replica);
    fleet?.keepOne();
    fleet?.signalRoom();
    if (stateOf(replica) !== before) this.#options.onChange(replica);
  }

  #answered(replica: Replica, description: DescribeResponse): void {
    const fleet = this.#fleetOf.get(replica);
    const wasAway = !replica.reachable;
    const hasForgotten = replica.answered(description);
    if (fleet?.model !== description.model) {
      if (fleet) this.#leave(fleet, replica);
      this.#join(replica, description.model);
      return;
    }
    if (hasForgotten) fleet.forgetPrefixesOf(replica);
    if (wasAway) fleet.cameBack(replica);
  }

  #join(replica: Replica, model: string): void {
    const { random, clock, onChange } = this.#options;
    const policy = this.#policy;
    let fleet = this.#fleets.get(model);
    if (fleet === undefined) {
      const onRoom = () => this.#signalRoom(model);
      fleet = new Fleet({ model, policy, random, clock, onChange, onRoom, onDoubt: (doubted) => this.#doubt(doubted) });
      this.#fleets.set(model, fleet);
    }
    this.#fleetOf.set(replica, fleet);
    fleet.add(replica);
  }

  #leave(fleet: Fleet, replica: Replica): void {
    this.#fleetOf.delete(replica);
    fleet.remove(replica);
    if (fleet.members.length === 0) this.#fleets.delete(fleet.model);
    // Who waits for one of its replicas must hear that there is none.
    fleet.signalRoom();
  }

  #signalRoom(model: string): void {
    for (const listener of this.#roomListeners) listener(model);
  }

  /** Asked after what is under way already, which may have been answered before. */
  #doubt(replica: Replica): void {
    const asking = this.#asking.get(replica) ?? Promise.resolve();
    void asking.then(() => this.#ask(replica));
  }

  async #resolve(): Promise<void> {
    if (this.#dns.isEmpty) return;
    const urls = await this.#dns.resolve();
    for (const url of urls) {
      const known = this.#replicas.get(originOf(url) ?? "");
      if (known) known.isLeaving = false;
      else this.#askNew(this.#takeIn(url, "dns"));
    }
    for (const replica of this.#replicas.values()) {
      if (replica.origin !== "dns" || replica.isLeaving || urls.has(replica.url)) continue;
      replica.isLeaving = true;
      this.#fleetOf.get(replica)?.keepOne();
      this.#options.onChange(replica);
    }
  }

  #askNew(replica: Replica | undefined): void {
    if (replica) void this.#ask(replica);
  }

  /** Lets go of replicas that are gone, or that turned out to be one of the settings; open streams end first. */
  #forget(): void {
    for (const [origin, replica] of this.#replicas) {
      if (replica.open > 0 || !this.#isGone(replica)) continue;
      this.#replicas.delete(origin);
      replica.reachable = false;
      const fleet = this.#fleetOf.get(replica);
      if (fleet) this.#leave(fleet, replica);
      replica.close();
      this.#options.onChange(replica);
    }
  }

  #isGone(replica: Replica): boolean {
    if (replica.origin === "dns") return replica.isLeaving;
    if (replica.origin === "settings") return false;
    return (
      replica.isSilentFor(FORGET_AFTER_MS) || this.#namedAs({ url: replica.url, replica: replica.name }) !== undefined
    );
  }

  /**
   * One process can have several addresses, such as localhost and 127.0.0.1, but it has one name and one port. Of several that
   * share both, nobody can say which is meant.
   */
  #namedAs({ url, replica: name }: { url: string; replica: string }): Replica | undefined {
    const port = URL.parse(url)?.port;
    const same = [...this.#replicas.values()].filter(
      (replica) =>
        replica.origin !== "report" &&
        replica.description !== undefined &&
        replica.name === name &&
        replica.port === port,
    );
    return same.length === 1 ? same[0] : undefined;
  }

  #takeIn(url: string, origin: Origin): Replica | undefined {
    const { clock, openRelay, openDescriber: describerOf = openDescriber } = this.#options;
    const key = originOf(url);
    if (key === undefined || this.#replicas.size >= MAX_REPLICAS) return undefined;
    const replica = new Replica({ url, origin, clock, relay: openRelay(url), describer: describerOf(url) });
    this.#replicas.set(key, replica);
    return replica;
  }
}

/** What a change of it is worth telling. */
function stateOf({ reachable, description }: Replica): string {
  return `${reachable}/${description?.model}/${description?.modelVersion}`;
}

/** Undefined where it is no address a router can call. */
function originOf(url: string): string | undefined {
  const parsed = URL.parse(url);
  return parsed && /^https?:$/.test(parsed.protocol) ? parsed.origin : undefined;
}

function everyPeriod(callback: () => void, periodMs: number): () => void {
  const timer = setInterval(callback, periodMs);
  timer.unref();
  return () => clearInterval(timer);
}
