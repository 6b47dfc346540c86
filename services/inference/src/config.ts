// Settings of the inference service. The only file here that names environment variables.
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { type SettingValues, setting } from "@chimera/lifecycle";
import { z } from "zod";

const BUNDLED_MODEL = fileURLToPath(new URL("../model/triage-1.4m.json", import.meta.url));

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

export const fields = {
  host: setting("INFERENCE_HOST", "Address to listen on", z.string().default("127.0.0.1")),
  port: setting("INFERENCE_PORT", "Port to listen on, 0 picks a free one", whole(0, 65535).default(7102)),
  replica: setting(
    "INFERENCE_REPLICA",
    "Name of this replica in answers and traces",
    z.string().min(1).default(hostname()),
  ),
  modelPath: setting(
    "CHIMERA_MODEL",
    "A .gguf file, or a .json manifest beside one",
    z.string().default(BUNDLED_MODEL),
  ),
  slots: setting("INFERENCE_SLOTS", "Requests computed at the same time, 1 to 64", whole(1, 64).default(8)),
  maxQueued: setting(
    "INFERENCE_QUEUE",
    "Requests that may wait for a slot; one more is refused",
    whole(0, 65536).default(256),
  ),
  contextTokens: setting(
    "INFERENCE_CONTEXT_TOKENS",
    "Tokens of one request, prompt and answer together; capped at what the model was trained on",
    whole(16, 1_048_576).default(1024),
  ),
  threads: setting(
    "INFERENCE_THREADS",
    "Threads of the engine; above 1 only where cores are reserved",
    whole(1, 256).default(1),
  ),
  maxPromptBytes: setting("INFERENCE_MAX_PROMPT_BYTES", "Bytes of one prompt", whole(1, 67_108_864).default(65_536)),
  maxRequestMs: setting(
    "INFERENCE_MAX_REQUEST_MS",
    "Longest time one request may take, so that a reader that stopped reading gives its slot back",
    whole(100, 86_400_000).default(300_000),
  ),
  drainGraceMs: setting(
    "INFERENCE_DRAIN_GRACE_MS",
    "Time that open streams get to finish at shutdown",
    whole(0, 3_600_000).default(10_000),
  ),
};

export type InferenceConfig = SettingValues<typeof fields>;
