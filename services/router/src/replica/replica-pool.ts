// The replicas a router may send to: those of its settings and those whose load reports it hears, kept current by asking each of
// them once a second.
import type { GenerateResponse, SamplingParams } from "@chimera/contracts/common";
import type { LoadReported } from "@chimera/contracts/events";
import type { GenerateRequest } from "@chimera/contracts/inference";
import { type Clock, InvalidRequestError, NotFoundError, type Random, UnavailableError } from "@chimera/kernel";
import { orderReplicas } from "../path/choose-replica.ts";
import { Replica } from "./replica.ts";

const REFRESH_MS = 1000;
const REFRESH_TIMEOUT_MS = 1000;
/** A discovered replica that neither reports nor answers for that long is forgotten. */
const FORGET_AFTER_MS = 5000;
/** Reports of more replicas than this are not listened to. */
const MAX_REPLICAS = 512;

export interface ServedModel {
  id: string;
  version: string;
  defaultSampling: SamplingParams | undefined;
  contextTokens: number;
}

export interface ReplicaPoolOptions {
  urls: readonly string[];
  random: Random;
  clock: Clock;
  onChange(replica: Replica): void;
}

export class ReplicaPool {
  readonly #options: ReplicaPoolOptions;
  /** Bounded by MAX_REPLICAS; those of the settings stay. */
  #replicas: Replica[];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReplicaPoolOptions) {
    this.#options = options;
    this.#replicas = options.urls.map((url) => this.#replicaAt(url, false));
  }

  /** Asks every replica once, then goes on in the background. */
  async start(): Promise<void> {
    await this.#refresh();
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS);
    this.#timer.unref();
  }

  get models(): ServedModel[] {
    const models = new Map<string, ServedModel>();
    for (const { description } of this.#known()) {
      if (!description || models.has(description.model)) continue;
      const { model, modelVersion, defaultSampling, contextTokens } = description;
      models.set(model, { id: model, version: modelVersion, defaultSampling, contextTokens });
    }
    return [...models.values()];
  }

  /** `id` may be empty where one model is served. Throws where it is not served, or nothing is known yet. */
  model(id: string): ServedModel {
    const models = this.models;
    const served = models.map((model) => model.id).join(", ");
    if (models.length === 0) throw new UnavailableError("no inference replica has answered yet");
    if (id === "") {
      const [only, ...others] = models;
      if (only && others.length === 0) return only;
      throw new InvalidRequestError([{ field: "model", description: `is empty; choose one of ${served}` }]);
    }
    const found = models.find((model) => model.id === id);
    if (!found) throw new NotFoundError(`model "${id.slice(0, 64)}" is not served here; served: ${served}`, "model");
    return found;
  }

  /** Replicas of a model in the order to try them; those that did not answer lately come last. */
  order(model: string): Replica[] {
    const serving = this.#known().filter(({ description }) => description?.model === model);
    const ordered = orderReplicas(serving, this.#options.random);
    return [...ordered.filter(({ reachable }) => reachable), ...ordered.filter(({ reachable }) => !reachable)];
  }

  /** Takes in how busy a replica says it is; one that was not known is asked what it serves, and may be sent to then. */
  note(report: LoadReported): void {
    const known = this.#find(report);
    if (known) {
      if (report.load) known.noteLoad(report.load);
      return;
    }
    const url = originOf(report.url);
    if (url === undefined || this.#replicas.length >= MAX_REPLICAS) return;
    const replica = this.#replicaAt(url, true);
    if (report.load) replica.noteLoad(report.load);
    this.#replicas.push(replica);
    void this.#ask(replica);
  }

  /** Opens a stream there and counts it as outstanding until it ends, however it ends. */
  async *open(replica: Replica, request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateResponse> {
    const ended = replica.countRequest();
    try {
      yield* replica.relay.open(request, signal);
    } finally {
      ended();
    }
  }

  close(): void {
    clearInterval(this.#timer);
    for (const replica of this.#replicas) replica.close();
  }

  #known(): Replica[] {
    return this.#replicas.filter(({ description }) => description !== undefined);
  }

  async #refresh(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => this.#ask(replica)));
    this.#forget();
  }

  async #ask(replica: Replica): Promise<void> {
    if (await replica.refresh(REFRESH_TIMEOUT_MS)) this.#options.onChange(replica);
  }

  /** Lets go of discovered replicas that are gone, or that turned out to be one of the settings; open streams end first. */
  #forget(): void {
    const gone = this.#replicas.filter(
      (replica) =>
        replica.isDiscovered && replica.open === 0 && (replica.isSilentFor(FORGET_AFTER_MS) || this.#isDouble(replica)),
    );
    if (gone.length === 0) return;
    this.#replicas = this.#replicas.filter((replica) => !gone.includes(replica));
    for (const replica of gone) {
      replica.reachable = false;
      replica.close();
      this.#options.onChange(replica);
    }
  }

  #find({ url, replica: name }: LoadReported): Replica | undefined {
    const origin = originOf(url);
    const sameUrl = this.#replicas.find((replica) => originOf(replica.url) === origin);
    return sameUrl ?? this.#replicas.find((replica) => !replica.isDiscovered && isSame(replica, { url, name }));
  }

  #isDouble({ url, name }: Replica): boolean {
    return this.#replicas.some((replica) => !replica.isDiscovered && isSame(replica, { url, name }));
  }

  #replicaAt(url: string, isDiscovered: boolean): Replica {
    return new Replica({ url, isDiscovered, clock: this.#options.clock });
  }
}

/** One process can have several addresses, such as localhost and 127.0.0.1, but it has one name and one port. */
function isSame(replica: Replica, other: { url: string; name: string }): boolean {
  if (replica.description === undefined || replica.name !== other.name) return false;
  return URL.parse(replica.url)?.port === URL.parse(other.url)?.port;
}

/** Undefined where it is no address a router can call. */
function originOf(url: string): string | undefined {
  const parsed = URL.parse(url);
  return parsed && /^https?:$/.test(parsed.protocol) ? parsed.origin : undefined;
}
