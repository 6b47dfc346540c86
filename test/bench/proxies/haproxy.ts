// HAProxy with one thread, HTTP/2 on both sides: the cheapest proxy there is that still understands streams.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "@chimera/supervisor";
import { findProgram, versionOf } from "./find-program.ts";
import { type ProxyOptions, type RunningProxy, startProxy } from "./proxy.ts";

/** Undefined where it is not installed; says so. */
export async function startHaproxy(options: ProxyOptions): Promise<RunningProxy | undefined> {
  const program = findProgram("haproxy");
  if (program === undefined) {
    options.progress("haproxy is not installed (apt-get install haproxy): what compares with it is left out");
    return undefined;
  }
  const [port = 0] = await freePorts(1);
  const config = join(options.folder, "haproxy.cfg");
  writeFileSync(config, configOf(port, options));
  const args = ["-db", "-f", config];
  const version = versionOf(program, "-v");
  return startProxy({ name: "haproxy", version, command: program, args, port, processes: 1 }, options);
}

/** maxconn is below what an ordinary limit of open files allows. */
function configOf(port: number, { upstreamPort }: ProxyOptions): string {
  return `global
  nbthread 1
  maxconn 400
  tune.h2.max-concurrent-streams 1024
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  http-reuse always
frontend door
  bind 127.0.0.1:${port} proto h2
  default_backend engine
backend engine
  server one 127.0.0.1:${upstreamPort} proto h2
`;
}
