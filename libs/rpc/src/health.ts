// grpc.health.v1 for probes and load balancers. The server is SERVING from when its service says it is ready until it drains.
import { setTimeout } from "node:timers/promises";
import { Health, HealthCheckResponse_ServingStatus as Status } from "@chimera/contracts/health";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";

/** Asked for under this name the server is SERVING as long as it answers at all: for probes that restart what is dead. */
const LIVENESS = "liveness";
/** How soon a watcher learns of a change. */
const WATCH_MS = 200;

export interface HealthOptions {
  /** Names that may be asked for, besides "" for the whole server and "liveness". */
  services: readonly string[];
  draining: AbortSignal;
  isReady(): boolean;
}

export class HealthState {
  readonly #options: HealthOptions;
  readonly #names: ReadonlySet<string>;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#names = new Set(["", LIVENESS, ...options.services]);
  }

  status(service: string): Status {
    if (!this.#names.has(service)) return Status.SERVICE_UNKNOWN;
    if (service === LIVENESS) return Status.SERVING;
    const { draining, isReady } = this.#options;
    return draining.aborted || !isReady() ? Status.NOT_SERVING : Status.SERVING;
  }

  routes(router: ConnectRouter): void {
    router.service(Health, {
      check: ({ service }) => {
        const status = this.status(service);
        if (status === Status.SERVICE_UNKNOWN) throw new ConnectError(`no service "${service}" here`, Code.NotFound);
        return { status };
      },
      watch: ({ service }, call) => this.#watch(service, call.signal),
    });
  }

  /** Ends with the caller, or after it has told that the server drains. */
  async *#watch(service: string, left: AbortSignal): AsyncGenerator<{ status: Status }> {
    const { draining } = this.#options;
    const woken = AbortSignal.any([left, draining]);
    let told: Status | undefined;
    while (!left.aborted) {
      const status = this.status(service);
      if (status !== told) yield { status };
      told = status;
      if (draining.aborted) return;
      await setTimeout(WATCH_MS, undefined, { signal: woken }).catch(() => undefined);
    }
  }
}
