// Settings of the evaluator, from the environment.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SettingValues, setting } from "@chimera/lifecycle";
import { meshTlsFields } from "@chimera/rpc/settings";
import { z } from "zod";

/** Its name tells users apart. */
const USERS_FOLDER = join(tmpdir(), `chimera-evaluator-${process.getuid?.() ?? "user"}`);

export const fields = {
  host: setting("EVALUATOR_HOST", "Address to listen on", z.string().min(1).default("127.0.0.1")),
  port: setting(
    "EVALUATOR_PORT",
    "Port to listen on, 0 picks a free one",
    z.coerce.number().int().min(0).max(65_535).default(7103),
  ),
  replica: setting(
    "EVALUATOR_REPLICA",
    "Name of this evaluator in results",
    z.string().min(1).max(63).default("evaluator"),
  ),
  routerUrl: setting("CHIMERA_ROUTER_URL", "The router that is evaluated", z.url().default("http://127.0.0.1:7100")),
  natsUrl: setting("CHIMERA_NATS_URL", "Address of NATS", z.string().min(1).default("nats://127.0.0.1:4222")),
  datasetsDir: setting(
    "EVALUATOR_DATASETS_DIR",
    "Folder with further data sets: <name>.jsonl, .csv, .yaml or .json with all splits, or <name>.<split>.jsonl",
    z.string().min(1).optional(),
  ),
  dataDir: setting(
    "CHIMERA_DATA_DIR",
    "Folder for what this evaluator keeps; a folder of this user under the system's temporary folder where left out",
    z.string().min(1).default(USERS_FOLDER),
  ),
  stateDir: setting(
    "EVALUATOR_DATA_DIR",
    "Folder for tuning runs and the looks at holdouts; evaluator in CHIMERA_DATA_DIR where left out",
    z.string().min(1).optional(),
  ),
  holdoutLooks: setting(
    "EVALUATOR_HOLDOUT_LOOKS",
    "Looks of tuning runs that one holdout is good for",
    z.coerce.number().int().min(1).max(1000).default(20),
  ),
  onlineShare: setting(
    "EVALUATOR_ONLINE_SHARE",
    "Share of live requests whose quality is followed, by request id",
    z.coerce.number().min(0).max(1).default(1),
  ),
  maxRuns: setting(
    "EVALUATOR_MAX_RUNS",
    "Evaluations at a time; one more is refused",
    z.coerce.number().int().min(1).max(64).default(4),
  ),
  lanes: setting(
    "EVALUATOR_LANES",
    "Requests this evaluator has in flight for runs, its own and those of other replicas",
    z.coerce.number().int().min(1).max(256).default(64),
  ),
  apiKey: setting(
    "EVALUATOR_API_KEY",
    "Key sent to routers that ask for one; all items are then asked as its tenant",
    z.string().min(1).optional(),
    { secret: true },
  ),
  apiKeyFile: setting(
    "EVALUATOR_API_KEY_FILE",
    "File with the key instead; read again when it changes",
    z.string().min(1).optional(),
  ),
  requestTimeoutMs: setting(
    "EVALUATOR_REQUEST_TIMEOUT_MS",
    "How long one item may take, in milliseconds",
    z.coerce.number().int().min(100).max(600_000).default(30_000),
  ),
  drainMs: setting(
    "EVALUATOR_DRAIN_MS",
    "How long running evaluations may go on after a stop signal, in milliseconds",
    z.coerce.number().int().min(0).max(600_000).default(10_000),
  ),
  ...meshTlsFields,
};

export type EvaluatorConfig = SettingValues<typeof fields>;
