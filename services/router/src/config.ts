// Settings of the router. Environment variables are read here and nowhere else.
import { type SettingValues, setting } from "@chimera/lifecycle";
import { z } from "zod";
import { type ApiKey, parseApiKeys } from "./path/tenant.ts";

const port = z.coerce.number().int().min(0).max(65535);
const url = z.url({ protocol: /^https?$/, error: "expected an address like http://127.0.0.1:7101" });
const seconds = (byDefault: number, max: number) => z.coerce.number().min(1).max(max).default(byDefault);

export const fields = {
  host: setting("ROUTER_HOST", "Address to listen on", z.string().min(1).default("127.0.0.1")),
  port: setting("ROUTER_PORT", "Port to listen on, 0 picks a free one", port.default(7100)),
  name: setting("ROUTER_NAME", "Name of this router in events", z.string().min(1).max(64).default("router-1")),
  inferenceUrls: setting(
    "CHIMERA_INFERENCE_URLS",
    "Addresses of the inference replicas, separated by commas",
    z.string().default("http://127.0.0.1:7102").transform(splitList).pipe(z.array(url).min(1).max(256)),
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
    "Requests worked on at a time; more are refused with a delay to try again after",
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
  apiKeys: setting(
    "ROUTER_API_KEYS",
    "Who may call: tenant=sha256-of-the-key in hex, separated by commas. Without it every caller may name a tenant",
    z.string().default("").transform(apiKeys),
    { secret: true },
  ),
  allowAnonymous: setting(
    "ROUTER_ALLOW_ANONYMOUS",
    "Set to true to listen beyond this machine without ROUTER_API_KEYS",
    z.stringbool().default(false),
  ),
};

export type RouterConfig = SettingValues<typeof fields>;

function apiKeys(text: string, context: z.RefinementCtx): ApiKey[] {
  try {
    return parseApiKeys(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
}

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}
