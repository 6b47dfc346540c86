// The five services as the supervisor sees them: where they start, which port they want and in which order they stop.
import { join } from "node:path";
import { repositoryRoot } from "./paths.ts";

export const SERVICE_NAMES = ["router", "cache", "inference", "evaluator", "insight"] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export const DEFAULT_PORTS: Readonly<Record<ServiceName, number>> = {
  router: 7100,
  cache: 7101,
  inference: 7102,
  evaluator: 7103,
  insight: 7104,
};

/** The door closes first; whoever listens to the others' last events ends last. */
export const STOP_ORDER: readonly ServiceName[] = ["router", "evaluator", "cache", "inference", "insight"];

export const LOOPBACK = "127.0.0.1";

export function entryPoint(service: ServiceName): string {
  return join(repositoryRoot, "services", service, "src", "main.ts");
}

/** Where every service is told to find the others. A service that is not part of the mesh is left out. */
export function addressEnv(urls: ReadonlyMap<ServiceName, readonly string[]>, natsUrl: string): Record<string, string> {
  const env: Record<string, string> = { CHIMERA_NATS_URL: natsUrl };
  for (const [service, list] of urls) {
    const [first] = list;
    if (first === undefined) continue;
    if (service === "inference") env.CHIMERA_INFERENCE_URLS = list.join(",");
    else env[`CHIMERA_${service.toUpperCase()}_URL`] = first;
  }
  return env;
}

/** Where one process itself listens, and what it calls itself in events and answers. */
export function ownEnv(service: ServiceName, name: string, port: number): Record<string, string> {
  const prefix = service.toUpperCase();
  return {
    [`${prefix}_HOST`]: LOOPBACK,
    [`${prefix}_PORT`]: String(port),
    [`${prefix}_REPLICA`]: name,
    // The first one has the name of its setting.
    ...(service === "router" && name !== service && { ROUTER_NAME: name }),
  };
}
