// Where the OpenAI-compatible server is and how patient we are with it: the settings that config.ts adds for this engine.
import { type SettingValues, setting } from "@chimera/lifecycle";
import { z } from "zod";

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const httpUrl = z.url({ protocol: /^https?$/, error: "expected an address like http://127.0.0.1:8000/v1" });

/** What a header can hold; a line break from the end of a file is no part of it. */
const key = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{1,4096}$/, "expected printable ASCII without spaces");

export const fields = {
  openaiUrl: setting(
    "CHIMERA_OPENAI_URL",
    "Base address of the OpenAI-compatible server; it usually ends in /v1",
    httpUrl.default("http://127.0.0.1:8000/v1"),
  ),
  openaiModel: setting(
    "CHIMERA_OPENAI_MODEL",
    "Model to ask for; may be left out where the server has exactly one",
    z.string().min(1).max(512).optional(),
  ),
  openaiApiKey: setting("CHIMERA_OPENAI_API_KEY", "Key sent to the server", key.optional(), {
    secret: true,
  }),
  openaiContextTokens: setting(
    "CHIMERA_OPENAI_CONTEXT_TOKENS",
    "Tokens of one request, prompt and answer together; what the server reports where left out",
    whole(16, 16_777_216).optional(),
  ),
  openaiMaxTokens: setting(
    "CHIMERA_OPENAI_MAX_TOKENS",
    "Longest answer where the request sets no limit",
    whole(1, 1_048_576).default(512),
  ),
  openaiFirstByteMs: setting(
    "CHIMERA_OPENAI_FIRST_BYTE_MS",
    "Longest silence of the server before the first token; it queues and reads the prompt in this time",
    whole(10, 3_600_000).default(60_000),
  ),
  openaiIdleMs: setting(
    "CHIMERA_OPENAI_IDLE_MS",
    "Longest silence of the server after the first token",
    whole(10, 3_600_000).default(30_000),
  ),
  openaiRetries: setting(
    "CHIMERA_OPENAI_RETRIES",
    "How often a request is sent again, before its first token, where the server is away or busy",
    whole(0, 10).default(2),
  ),
  openaiMetricsUrl: setting(
    "CHIMERA_OPENAI_METRICS_URL",
    "Address of the server's Prometheus metrics; auto looks at /metrics of the same host, off asks for none",
    z.union([z.enum(["auto", "off"]), httpUrl]).default("auto"),
  ),
};

export type OpenaiSettings = SettingValues<typeof fields>;
