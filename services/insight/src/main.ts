// The process: insight and nothing else.
import { runService } from "@chimera/lifecycle";
import { fields } from "./config.ts";
import { createInsight } from "./service.ts";

await runService({ name: "insight", fields, create: createInsight });
