// The inference process: read settings, serve, wait for a signal, drain.
import { runService } from "@chimera/lifecycle";
import { fields } from "./config.ts";
import { createInference } from "./service.ts";

await runService({ name: "inference", fields, create: createInference });
