// deploy/compose.yaml as Compose sees it when no variable is set, and the settings of the services it starts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SettingFields } from "@chimera/lifecycle";
import { repositoryRoot, SERVICE_NAMES, type ServiceName } from "@chimera/supervisor";
import { parse } from "yaml";
import { z } from "zod";
import { fields as cacheFields } from "../../services/cache/src/config.ts";
import { fields as evaluatorFields } from "../../services/evaluator/src/config.ts";
import { fields as inferenceFields } from "../../services/inference/src/config.ts";
import { fields as insightFields } from "../../services/insight/src/config.ts";
import { fields as routerFields } from "../../services/router/src/config.ts";
import { environmentOf, readDockerfile } from "./dockerfile.ts";

export const deployFolder = join(repositoryRoot, "deploy");

export const FIELDS: Readonly<Record<ServiceName, SettingFields>> = {
  router: routerFields,
  cache: cacheFields,
  inference: inferenceFields,
  evaluator: evaluatorFields,
  insight: insightFields,
};

const text = z.coerce.string();

const composeService = z.object({
  image: z.string(),
  build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
  environment: z.record(z.string(), text).default({}),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  volumes: z.array(z.string()).default([]),
  tmpfs: z.array(z.string()).default([]),
  networks: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  healthcheck: z.object({ test: z.array(z.string()).min(2) }).optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  logging: z.object({ options: z.record(z.string(), z.string()) }).optional(),
  stop_grace_period: z.string().regex(/^\d+s$/),
  deploy: z.object({
    replicas: text.optional(),
    resources: z.object({ limits: z.object({ cpus: text, memory: z.string().regex(/^\d+[MG]$/) }) }),
  }),
});
export type ComposeService = z.output<typeof composeService>;

const composeFile = z.object({
  name: z.string(),
  services: z.record(z.string(), composeService),
  networks: z.record(z.string(), z.object({ internal: z.boolean().default(false) })),
  volumes: z.record(z.string(), z.object({})),
});

export function readCompose(): z.output<typeof composeFile> {
  const source = readFileSync(join(deployFolder, "compose.yaml"), "utf8");
  // Variables are filled in after parsing, as Compose does: an empty one is an empty text, not null.
  const fillIn = (_: unknown, value: unknown) =>
    typeof value === "string" ? value.replace(/\$\{[A-Z_]+:-([^}]*)\}/g, "$1") : value;
  return composeFile.parse(parse(source, fillIn, { merge: true }));
}

export function dockerfileOf(service: ServiceName): string {
  return join(deployFolder, "docker", `${service}.Dockerfile`);
}

/** What the process sees: the image's variables, and Compose's over them. */
export function environmentInContainer(service: ServiceName, compose: ComposeService): Record<string, string> {
  const final = readDockerfile(dockerfileOf(service)).at(-1);
  return { ...environmentOf(final?.instructions ?? []), ...compose.environment };
}

export { SERVICE_NAMES, type ServiceName };
