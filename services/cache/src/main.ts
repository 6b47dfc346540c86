// Starts the cache as a process of its own.
import { runService } from "@chimera/lifecycle";
import { fields } from "./config.ts";
import { createCache } from "./service.ts";

await runService({ name: "cache", fields, create: createCache });
