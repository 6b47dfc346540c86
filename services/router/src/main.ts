// Starts the router as a process of its own.
import { runService } from "@chimera/lifecycle";
import { fields } from "./config.ts";
import { createRouter } from "./service.ts";

await runService({ name: "router", fields, create: createRouter });
