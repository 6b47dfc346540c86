// grpc.health.v1 for probes and load balancers. The state is the server's: SERVING until it drains.
import { Health, HealthCheckResponse_ServingStatus as Status } from "@chimera/contracts/health";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";

export class HealthState {
  readonly #names: ReadonlySet<string>;
  readonly #draining: AbortSignal;

  /** `services`: names that may be asked for, besides "" for the whole server. */
  constructor(services: readonly string[], draining: AbortSignal) {
    this.#names = new Set(["", ...services]);
    this.#draining = draining;
  }

  status(service: string): Status {
    if (!this.#names.has(service)) return Status.SERVICE_UNKNOWN;
    return this.#draining.aborted ? Status.NOT_SERVING : Status.SERVING;
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

  async *#watch(service: string, left: AbortSignal): AsyncGenerator<{ status: Status }> {
    const first = this.status(service);
    yield { status: first };
    const changed = Promise.withResolvers<void>();
    for (const signal of [left, this.#draining]) {
      if (signal.aborted) return;
      signal.addEventListener("abort", () => changed.resolve(), { once: true });
    }
    await changed.promise;
    if (!left.aborted && this.status(service) !== first) yield { status: this.status(service) };
  }
}
