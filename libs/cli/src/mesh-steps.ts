// Tells a person what the supervisor does while it starts and keeps a mesh.
import { AlreadyRunningError, type Mesh, type MeshEvent, startRecordedMesh } from "@chimera/supervisor";
import type { Surroundings } from "./config.ts";
import { CommandError } from "./exit-code.ts";
import type { Steps } from "./terminal/steps.ts";

export interface StartOptions {
  inference: number;
  onEvent?(event: MeshEvent): void;
}

/** Starts NATS and the services, with a line for each of the two. */
export async function startMeshInSteps(steps: Steps, surroundings: Surroundings, options: StartOptions): Promise<Mesh> {
  const { paths, env, stopped } = surroundings;
  try {
    return await steps.run("mesh", async () => {
      const mesh = await startRecordedMesh({
        paths,
        inherited: env,
        replicas: { inference: options.inference },
        signal: stopped,
        onEvent: (event) => {
          tell(steps, event);
          options.onEvent?.(event);
        },
      });
      return { value: mesh, detail: `${mesh.processes.length} services serve` };
    });
  } catch (error) {
    if (!(error instanceof AlreadyRunningError)) throw error;
    throw new CommandError(`${error.message} See it with \`chimera status\`, end it with \`chimera down\`.`, 1, {
      cause: error,
    });
  }
}

function tell(steps: Steps, event: MeshEvent): void {
  if (event.kind === "note") steps.note(event.text);
  else if (event.kind === "nats") steps.note(`nats-server ${event.version} at ${event.url} (${event.origin})`);
  else if (event.kind === "crashed") steps.warn(`${event.name} ended unexpectedly; its log: ${event.log}`);
  else if (event.kind === "restarting") steps.note(`${event.name} starts again in ${event.delayMs} ms`);
  else if (event.kind === "gave-up") steps.warn(`${event.name} keeps crashing and stays down; its log: ${event.log}`);
}

/** Where to reach what runs. */
export function addressLines(mesh: Mesh): string[] {
  return mesh.processes.map(({ name, url }) => `${name.padEnd(12)} ${url}`);
}
