// What the stages of a request and the handlers may use. Made once in service.ts; tests make their own.
import type { EventBus } from "@chimera/events";
import type { Clock } from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import type { RouterConfig } from "./config.ts";
import type { Stats } from "./measure/stats.ts";
import type { CacheDoor } from "./path/cache-door.ts";
import type { TenantResolver } from "./path/tenant.ts";
import type { ReplicaPool } from "./replica/replica-pool.ts";

export interface Context {
  config: RouterConfig;
  clock: Clock;
  logger: Logger;
  cache: CacheDoor;
  replicas: ReplicaPool;
  tenants: TenantResolver;
  events: EventBus;
  stats: Stats;
  newId(): string;
  /** Aborted when the router starts to drain. */
  draining(): AbortSignal;
}
