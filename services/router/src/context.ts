// What the stages of a request and the handlers may use. Made once in service.ts; tests make their own.
import type { EventBus } from "@chimera/events";
import type { Clock } from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import type { Admission } from "./admission/admission.ts";
import type { RouterConfig } from "./config.ts";
import type { RecentQuantile } from "./measure/recent-quantile.ts";
import type { Stats } from "./measure/stats.ts";
import type { CacheDoor } from "./path/cache-door.ts";
import type { Flights } from "./path/flights.ts";
import type { Refreshes } from "./path/refreshes.ts";
import type { Peers } from "./relay/peers.ts";
import type { ReplicaPool } from "./replica/replica-pool.ts";
import type { RetryBudget } from "./replica/retry-budget.ts";
import type { LiveSettings } from "./settings/live-settings.ts";
import type { TenantResolver } from "./tenant/index.ts";

export interface Context {
  config: RouterConfig;
  clock: Clock;
  logger: Logger;
  tenants: TenantResolver;
  admission: Admission;
  cache: CacheDoor;
  replicas: ReplicaPool;
  /** What the mesh has set meanwhile. */
  settings: LiveSettings;
  retryBudget: RetryBudget;
  /** Answers in the making that others may read along. */
  flights: Flights;
  /** Other routers, which may read along as well. */
  peers: Peers;
  refreshes: Refreshes;
  /** Recent times to first token, in milliseconds. */
  ttfts: RecentQuantile;
  events: EventBus;
  stats: Stats;
  newId(): string;
  /** Aborted when the router starts to drain. */
  draining(): AbortSignal;
}
