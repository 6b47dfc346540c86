// Where the mesh is: the address a person gives, the one in the environment, or the mesh that runs on this machine.
import { readState, type ServiceName, stateStatus } from "@chimera/supervisor";
import type { Surroundings } from "./config.ts";
import { CommandError, EXIT_CODES } from "./exit-code.ts";

export type PublicService = Extract<ServiceName, "router" | "cache" | "evaluator" | "insight">;

/** Throws with exit code 3 where there is no mesh to talk to. */
export function addressOf(service: PublicService, given: string | undefined, { env, paths }: Surroundings): string {
  const variable = `CHIMERA_${service.toUpperCase()}_URL`;
  const named = given ?? env[variable];
  if (named) return checkedUrl(named, given === undefined ? variable : "--url");
  const state = readState(paths);
  const found = state?.processes.find((each) => each.service === service);
  if (stateStatus(state) === "running" && found !== undefined) return found.url;
  throw new CommandError(
    `No mesh is running on this machine. Start one with \`chimera up\` or \`npm start\`, or name one elsewhere: --url http://host:port or ${variable}.`,
    EXIT_CODES.notRunning,
  );
}

function checkedUrl(url: string, source: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new CommandError(`${source}: "${url}" is not an address. Give it as http://host:port.`, EXIT_CODES.usage);
}
