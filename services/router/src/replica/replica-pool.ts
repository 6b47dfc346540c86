// The replicas a router may send to, kept current by asking each of them once a second.
import type { GenerateResponse, SamplingParams } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/inference";
import { InvalidRequestError, NotFoundError, type Random, UnavailableError } from "@chimera/kernel";
import { orderReplicas } from "../path/choose-replica.ts";
import { Replica } from "./replica.ts";

const REFRESH_MS = 1000;
const REFRESH_TIMEOUT_MS = 1000;

export interface ServedModel {
  id: string;
  version: string;
  defaultSampling: SamplingParams | undefined;
  contextTokens: number;
}

export interface ReplicaPoolOptions {
  urls: readonly string[];
  random: Random;
  onChange(replica: Replica): void;
}

export class ReplicaPool {
  readonly #options: ReplicaPoolOptions;
  readonly #replicas: Replica[];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReplicaPoolOptions) {
    this.#options = options;
    this.#replicas = options.urls.map((url) => new Replica(url));
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

  /** Opens a stream there and counts it as outstanding until it ends, however it ends. */
  async *open(replica: Replica, request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateResponse> {
    replica.outstanding += 1;
    try {
      yield* replica.relay.open(request, signal);
    } finally {
      replica.outstanding -= 1;
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
    await Promise.all(
      this.#replicas.map(async (replica) => {
        if (await replica.refresh(REFRESH_TIMEOUT_MS)) this.#options.onChange(replica);
      }),
    );
  }
}
