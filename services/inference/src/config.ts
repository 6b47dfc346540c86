// Settings of the inference service. The only file here that names environment variables.
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type SettingValues, setting } from "@chimera/lifecycle";
import { meshTlsFields } from "@chimera/rpc/settings";
import { ranges } from "@chimera/settings";
import { z } from "zod";
import { MAX_QUEUED_REQUESTS } from "./engine/limits.ts";
import { fields as openaiFields } from "./engine/openai/settings.ts";
import { fields as simulatedFields } from "./engine/simulated/settings.ts";

/** The models that come with the service: one task, two sizes. */
const BUNDLED_MODELS: readonly string[] = ["triage-1.4m", "triage-3.2m"];

function modelPath(name: string): string {
  return BUNDLED_MODELS.includes(name) ? fileURLToPath(new URL(`../model/${name}.json`, import.meta.url)) : name;
}

/** Its name tells users apart; whether it is really this user's is checked when it is opened. */
const USERS_FOLDER = join(tmpdir(), `chimera-inference-${process.getuid?.() ?? "user"}`);

/** Sequences of one context; each has a share of its memory whether it is in use or not. */
export const MAX_LLAMA_SLOTS = 64;

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

export const fields = {
  host: setting("INFERENCE_HOST", "Address to listen on", z.string().default("127.0.0.1")),
  port: setting("INFERENCE_PORT", "Port to listen on, 0 picks a free one", whole(0, 65535).default(7102)),
  replica: setting(
    "INFERENCE_REPLICA",
    "Name of this replica in answers and traces",
    z.string().min(1).default(hostname()),
  ),
  publicUrl: setting(
    "INFERENCE_PUBLIC_URL",
    "Address that load reports name for this replica, http://host:port; the address it listens on where left out",
    z.url({ protocol: /^https?$/, error: "expected an address like http://10.0.0.7:7102" }).optional(),
  ),
  natsUrl: setting(
    "CHIMERA_NATS_URL",
    "Address of NATS, for load reports; requests are served without it",
    z.string().default("nats://127.0.0.1:4222"),
  ),
  engine: setting(
    "INFERENCE_ENGINE",
    "What makes the tokens: llama (in this process), openai (a server with that API) or simulated",
    z.enum(["llama", "openai", "simulated"]).default("llama"),
  ),
  modelPath: setting(
    "CHIMERA_MODEL",
    `A .gguf file, a .json manifest beside one, or the name of a model that comes along: ${BUNDLED_MODELS.join(", ")}`,
    z.string().default("triage-1.4m").transform(modelPath),
  ),
  slots: setting(
    "INFERENCE_SLOTS",
    "Requests computed at the same time; the llama engine can have 64, the others 1024",
    whole(ranges.inference.slots.min, ranges.inference.slots.max).default(8),
  ),
  maxSlots: setting(
    "INFERENCE_MAX_SLOTS",
    "To how many the llama engine's slots can be raised while it runs; it takes memory for all of them at its start",
    whole(1, MAX_LLAMA_SLOTS).default(16),
  ),
  maxQueued: setting(
    "INFERENCE_QUEUE",
    "Requests that may wait for a slot; one more is refused",
    whole(0, MAX_QUEUED_REQUESTS).default(256),
  ),
  dataDir: setting(
    "CHIMERA_DATA_DIR",
    "Folder for what this replica keeps; a folder of this user under the system's temporary folder where left out",
    z.string().min(1).default(USERS_FOLDER),
  ),
  stateDir: setting(
    "INFERENCE_STATE_DIR",
    "Folder for the states of warm prefixes, off keeps them in memory only; prefix-states in CHIMERA_DATA_DIR where left out",
    z.string().min(1).optional(),
  ),
  stateBytes: setting(
    "INFERENCE_STATE_BYTES",
    "Bytes of all files in that folder; the least recently used goes first",
    whole(0, Number.MAX_SAFE_INTEGER).default(256 * 1024 * 1024),
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
  ...meshTlsFields,
  ...openaiFields,
  ...simulatedFields,
};

export type InferenceConfig = SettingValues<typeof fields>;
