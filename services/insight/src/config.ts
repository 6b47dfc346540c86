// Settings of the insight service.
import { type SettingValues, setting } from "@chimera/lifecycle";
import { doorTlsFields, meshTlsFields } from "@chimera/rpc/settings";
import { z } from "zod";
import { MODES } from "./loop/autopilot.ts";

export const fields = {
  host: setting("INSIGHT_HOST", "Address to listen on", z.string().min(1).default("127.0.0.1")),
  port: setting(
    "INSIGHT_PORT",
    "Port for gRPC and for the report pages, 0 to 65535; 0 picks a free one",
    z.coerce.number().int().min(0).max(65535).default(7104),
  ),
  natsUrl: setting("CHIMERA_NATS_URL", "Where NATS listens", z.string().min(1).default("nats://127.0.0.1:4222")),
  cacheUrl: setting("CHIMERA_CACHE_URL", "The cache that remedies look at", z.url().default("http://127.0.0.1:7101")),
  mode: setting(
    "INSIGHT_MODE",
    "advise (changes only what a person applies), approve (proposes, waits for a person) or auto (applies by itself)",
    z.enum(MODES).default("advise"),
  ),
  coolDownS: setting(
    "INSIGHT_COOL_DOWN_S",
    "Seconds from the end of one change to the beginning of the next under approve and auto, 10 to 86400",
    z.coerce.number().int().min(10).max(86_400).default(600),
  ),
  maxRequests: setting(
    "INSIGHT_MAX_REQUESTS",
    "Requests remembered, 1000 to 1000000, 44 bytes each; the oldest makes room and the report says so",
    z.coerce.number().int().min(1000).max(1_000_000).default(200_000),
  ),
  dataDir: setting(
    "INSIGHT_DATA_DIR",
    "Folder for a copy of the ledger, one record a line; one folder for each insight, no copy where unset",
    z.string().min(1).optional(),
  ),
  machine: setting(
    "INSIGHT_MACHINE",
    "What the mesh runs on, at most 200 characters, printed in the report",
    z.string().max(200).optional(),
  ),
  drainGraceMs: setting(
    "INSIGHT_DRAIN_GRACE_MS",
    "How long calls in flight may take to end when stopping, 0 to 60000",
    z.coerce.number().int().min(0).max(60_000).default(5000),
  ),
  ...doorTlsFields("INSIGHT"),
  ...meshTlsFields,
};

export type InsightConfig = SettingValues<typeof fields>;
