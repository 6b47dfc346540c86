// Settings of the router. Environment variables are read here and nowhere else.
import { parsed, type SettingValues, setting, splitList } from "@chimera/lifecycle";
import { connectionFields, doorTlsFields, meshTlsFields } from "@chimera/rpc/settings";
import { ranges } from "@chimera/settings";
import { z } from "zod";
import { parseTenantLimits } from "./admission/tenant-limits.ts";
import { DEFAULT_POLICY, POLICY_NAMES } from "./balance/policies.ts";
import { tenantFields } from "./tenant/index.ts";

const port = z.coerce.number().int().min(0).max(65535);
const url = z.url({ protocol: /^https?$/, error: "expected an address like http://127.0.0.1:7101" });
const replicaUrl = z.url({
  protocol: /^(dns\+)?https?$/,
  error: "expected an address like http://127.0.0.1:7102, or dns+http://name:7102 for all behind a name",
});
/** Those that can be changed while it runs. */
const limits = ranges.router;
const seconds = (byDefault: number, max: number) => z.coerce.number().min(1).max(max).default(byDefault);

export const fields = {
  host: setting("ROUTER_HOST", "Address to listen on", z.string().min(1).default("127.0.0.1")),
  port: setting("ROUTER_PORT", "Port to listen on, 0 picks a free one", port.default(7100)),
  name: setting("ROUTER_NAME", "Name of this router in events", z.string().min(1).max(64).default("router-1")),
  inferenceUrls: setting(
    "CHIMERA_INFERENCE_URLS",
    "Addresses of the inference replicas, separated by commas; dns+http://name:port stands for all behind a name",
    z.string().default("http://127.0.0.1:7102").transform(splitList).pipe(z.array(replicaUrl).min(1).max(256)),
  ),
  cacheUrl: setting("CHIMERA_CACHE_URL", "Address of the cache", url.default("http://127.0.0.1:7101")),
  natsUrl: setting("CHIMERA_NATS_URL", "Address of NATS", z.string().default("nats://127.0.0.1:4222")),
  cacheBudgetMs: setting(
    "ROUTER_CACHE_BUDGET_MS",
    "How long the cache may take before its answer counts as a miss, in milliseconds",
    z.coerce.number().min(1).max(5000).default(50),
  ),
  maxInFlight: setting(
    "ROUTER_MAX_IN_FLIGHT",
    "Requests in the router at a time, waiting ones included; more are refused with a delay to try again after",
    z.coerce.number().int().min(1).max(100_000).default(1024),
  ),
  requestTimeoutS: setting(
    "ROUTER_REQUEST_TIMEOUT_S",
    "Longest time one answer may take where the caller sets no deadline, in seconds",
    seconds(120, 3600),
  ),
  drainGraceS: setting(
    "ROUTER_DRAIN_GRACE_S",
    "How long streams in flight may go on after SIGTERM, in seconds",
    seconds(30, 3600),
  ),
  corsOrigins: setting(
    "ROUTER_CORS_ORIGINS",
    "Origins whose pages may call from a browser, separated by commas, for example https://app.example; * is any",
    z.string().default("").transform(splitList),
  ),
  policy: setting(
    "ROUTER_POLICY",
    `How a replica is chosen: ${POLICY_NAMES.join(", ")}`,
    z.enum(POLICY_NAMES).default(DEFAULT_POLICY),
  ),
  maxQueued: setting(
    "ROUTER_MAX_QUEUED",
    "Requests that may wait for a replica with room; beyond it the newest of whoever has the most waiting is refused",
    z.coerce.number().int().min(limits.maxQueued.min).max(limits.maxQueued.max).default(512),
  ),
  maxWaitMs: setting(
    "ROUTER_MAX_WAIT_MS",
    "How long a request may have to wait for its turn, in milliseconds; one that would wait longer is refused at once",
    z.coerce.number().min(limits.maxWaitMs.min).max(limits.maxWaitMs.max).default(30_000),
  ),
  batchWeight: setting(
    "ROUTER_BATCH_WEIGHT",
    "What batch requests get of the mesh while interactive ones wait as well, as a ratio",
    z.coerce
      .number()
      .min(limits.batchWeight.min)
      .max(limits.batchWeight.max)
      .default(1 / 16),
  ),
  tenantLimits: setting(
    "ROUTER_TENANT_LIMITS",
    'What each tenant may use, as JSON: {"*":{"requestsPerS":50},"acme":{"weight":4,"tokensPerS":2000,"maxConcurrent":64}}',
    z.string().default("{}").transform(parsed(parseTenantLimits)),
  ),
  resume: setting(
    "ROUTER_RESUME",
    "Whether another replica goes on with an answer whose replica is lost",
    z.stringbool().default(true),
  ),
  resumeWaitMs: setting(
    "ROUTER_RESUME_WAIT_MS",
    "How long an answer that was cut waits for a replica that can go on with it, in milliseconds",
    z.coerce.number().min(0).max(600_000).default(15_000),
  ),
  hedgeQuantile: setting(
    "ROUTER_HEDGE_QUANTILE",
    "Asks a second replica when the first token is later than this quantile of the recent ones, for example 0.95; 0 is off",
    z.coerce.number().min(0).max(0.999).default(0),
  ),
  peerUrl: setting(
    "ROUTER_PEER_URL",
    "Address under which other routers read along with answers of this one, or off; where it listens, unless that is with TLS",
    z.union([z.literal("off"), url]).optional(),
  ),
  flightWaitMs: setting(
    "ROUTER_FLIGHT_WAIT_MS",
    "How long a request waits for the first part of the same answer at another router before it is answered here, in milliseconds",
    z.coerce.number().min(0).max(600_000).default(2000),
  ),
  logPrompts: setting(
    "ROUTER_LOG_PROMPTS",
    "Tenants whose prompts go into the log of requests, so that a warm-up can ask them again, separated by commas; * is all",
    z.string().default("").transform(splitList),
  ),
  ...tenantFields,
  ...doorTlsFields("ROUTER"),
  ...meshTlsFields,
  ...connectionFields("ROUTER"),
};

export type RouterConfig = SettingValues<typeof fields>;
