// Process entry of the evaluator.
import { runService } from "@chimera/lifecycle";
import { fields } from "./config.ts";
import { createEvaluator } from "./service.ts";

await runService({ name: "evaluator", fields, create: createEvaluator });
