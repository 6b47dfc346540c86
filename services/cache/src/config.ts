// Every setting of the cache, read from the environment once.
import { parsed, type SettingValues, setting, splitList } from "@chimera/lifecycle";
import { meshTlsFields } from "@chimera/rpc/settings";
import { ranges } from "@chimera/settings";
import { z } from "zod";
import { parseTenantQuotas } from "./index/tenant-quotas.ts";
import { DEFAULT_POLICY, POLICY_NAMES } from "./policy/policies.ts";
import { parseSemanticTenants } from "./semantic/settings.ts";
import { STORE_ADDRESS } from "./store/open-store.ts";
import { parseCredentials } from "./warm-up/credentials.ts";

export const fields = {
  host: setting("CACHE_HOST", "Address to listen on", z.string().min(1).default("127.0.0.1")),
  port: setting(
    "CACHE_PORT",
    "Port to listen on; 0 picks a free one",
    z.coerce.number().int().min(0).max(65535).default(7101),
  ),
  replica: setting("CACHE_REPLICA", "Name of this cache in events", z.string().min(1).max(63).default("cache")),
  capacityBytes: setting(
    "CACHE_CAPACITY_BYTES",
    "Sum of stored answers and their keys; one answer may take 5 % of it",
    z.coerce
      .number()
      .int()
      .min(ranges.cache.capacityBytes.min)
      .default(64 * 1024 * 1024),
  ),
  maxEntries: setting(
    "CACHE_MAX_ENTRIES",
    "Number of stored answers",
    z.coerce.number().int().min(1).max(10_000_000).default(100_000),
  ),
  policy: setting(
    "CACHE_POLICY",
    `Which answers stay when there is no room: ${POLICY_NAMES.join(", ")}`,
    z.enum(POLICY_NAMES).default(DEFAULT_POLICY),
  ),
  shadowPolicies: setting(
    "CACHE_SHADOW_POLICIES",
    "Policies that are simulated beside it on a sample of the keys, to compare; comma-separated, may be empty",
    z
      .string()
      .default("lru,sieve")
      .transform(splitList)
      .pipe(z.array(z.enum(POLICY_NAMES))),
  ),
  tenantQuotas: setting(
    "CACHE_TENANT_QUOTAS",
    'What each tenant may hold while others want room, as JSON: {"*":{"share":0.5},"acme":{"bytes":1000000}}',
    z.string().default('{"*":{"share":0.5}}').transform(parsed(parseTenantQuotas)),
  ),
  store: setting(
    "CACHE_STORE",
    "Where answers are kept: memory; sqlite:///absolute/path.db across restarts; redis://host:6379/0, or rediss:// with TLS, for several caches together",
    z
      .string()
      .regex(STORE_ADDRESS, "must be memory, sqlite:///absolute/path.db, redis://host:6379/0 or rediss://host:6379/0")
      .default("memory"),
  ),
  storeBudgetMs: setting(
    "CACHE_STORE_BUDGET_MS",
    "Longest time in milliseconds that a lookup waits for Redis before it is a miss",
    z.coerce.number().int().min(1).max(10_000).default(20),
  ),
  ttlSeconds: setting(
    "CACHE_TTL_S",
    "Age in seconds at which an answer is no longer fresh; a request may ask for less, never for more",
    z.coerce.number().int().min(ranges.cache.ttlS.min).max(ranges.cache.ttlS.max).default(86_400),
  ),
  staleSeconds: setting(
    "CACHE_STALE_S",
    "Seconds after that in which an answer is still served while a new one is made, unless its request says otherwise",
    z.coerce.number().int().min(ranges.cache.staleS.min).max(ranges.cache.staleS.max).default(0),
  ),
  reviewSeconds: setting(
    "CACHE_REVIEW_S",
    "Seconds between two reviews of policy, size and times to live, told to the mesh and changing nothing; 0 is never",
    z.coerce.number().int().min(0).max(86_400).default(300),
  ),
  semantic: setting(
    "CACHE_SEMANTIC",
    'Tenants that take the answer of a similar question, and what share of wrong ones they accept, as JSON: {"acme":{"errorBound":0.02}}',
    z.string().default("{}").transform(parsed(parseSemanticTenants)),
  ),
  embeddingsUrl: setting(
    "CACHE_EMBEDDINGS_URL",
    "Server with OpenAI's form of /embeddings, for similar questions, for example http://127.0.0.1:8080/v1",
    z.url().optional(),
  ),
  embeddingsModel: setting("CACHE_EMBEDDINGS_MODEL", "Model it is asked for", z.string().default("default")),
  embeddingsKey: setting("CACHE_EMBEDDINGS_KEY", "API key it is asked with", z.string().default(""), { secret: true }),
  embeddingsBudgetMs: setting(
    "CACHE_EMBEDDINGS_BUDGET_MS",
    "Longest time in milliseconds that a lookup waits for an embedding",
    z.coerce.number().int().min(1).max(5000).default(30),
  ),
  drainMs: setting(
    "CACHE_DRAIN_MS",
    "Milliseconds that calls in flight get at the end",
    z.coerce.number().int().min(0).max(600_000).default(5000),
  ),
  routerUrl: setting(
    "CHIMERA_ROUTER_URL",
    "The router that makes answers ahead",
    z.url().default("http://127.0.0.1:7100"),
  ),
  routerCredentials: setting(
    "CACHE_ROUTER_CREDENTIALS",
    'With what a warm-up calls the router in a tenant\'s name, as JSON: {"acme":"API key or token"}; tenants without are left out',
    z.string().default("{}").transform(parsed(parseCredentials)),
    { secret: true },
  ),
  routerCredentialsFile: setting(
    "CACHE_ROUTER_CREDENTIALS_FILE",
    "File with more of them, of the same form; read again when it changes",
    z.string().min(1).optional(),
  ),
  natsUrl: setting("CHIMERA_NATS_URL", "NATS server for events", z.string().min(1).default("nats://127.0.0.1:4222")),
  ...meshTlsFields,
};

export type CacheConfig = SettingValues<typeof fields>;
