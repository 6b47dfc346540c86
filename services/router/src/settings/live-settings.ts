// The mesh's settings as this router serves by them. A request is served by one version from its beginning to its end.
import { create } from "@bufbuild/protobuf";
import { type GenerateRequest, GenerateRequestSchema } from "@chimera/contracts/router";
import type { Settings } from "@chimera/contracts/settings";
import { WARM_UP_WORKLOAD } from "../path/call.ts";
import { armOf, type Caller } from "./arms.ts";
import { filledSampling } from "./filled-sampling.ts";

/** What a request is served under. */
export interface ServedUnder {
  /** 0 is the environment alone. */
  version: number;
  /** "" where its session is in none. */
  arm: string;
}

export interface Asking extends Caller {
  workload: string;
  isRefresh?: boolean;
}

export class LiveSettings {
  #settings: Pick<Settings, "version" | "router"> = { version: 0 };

  get version(): number {
    return this.#settings.version;
  }

  use(settings: Settings): void {
    this.#settings = settings;
  }

  /** The request with what it leaves unset. `isServed` tells of a model. */
  fill(
    asking: Asking,
    request: GenerateRequest,
    isServed: (model: string) => boolean,
  ): ServedUnder & { request: GenerateRequest } {
    const { version, router } = this.#settings;
    if (!router || isExact(asking)) return { version, arm: "", request };
    // Only callers are experimented on, not what the mesh asks to measure itself.
    const arm = asking.workload === "" ? armOf(router.arms, asking, request) : undefined;
    const sampling = filledSampling(request.sampling, arm?.defaultSampling, router.defaultSampling);
    const model = request.model === "" && arm && isServed(arm.model) ? arm.model : request.model;
    const isSame = sampling === request.sampling && model === request.model;
    const filled = isSame ? request : create(GenerateRequestSchema, { ...request, model, sampling });
    return { version, arm: arm?.name ?? "", request: filled };
  }
}

/** Made from a request that was filled when its caller asked: filled again, its answer would be another one's. */
function isExact({ workload, isRefresh = false }: Asking): boolean {
  return isRefresh || workload === WARM_UP_WORKLOAD;
}
