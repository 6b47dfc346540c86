// nginx with one worker as a gRPC proxy: the yardstick most teams have in front of such a service already.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "@chimera/supervisor";
import { findProgram, versionOf } from "./find-program.ts";
import { type ProxyOptions, type RunningProxy, startProxy } from "./proxy.ts";

/** Undefined where it is not installed; says so. */
export async function startNginx(options: ProxyOptions): Promise<RunningProxy | undefined> {
  const program = findProgram("nginx");
  if (program === undefined) {
    options.progress("nginx is not installed (apt-get install nginx): what compares with it is left out");
    return undefined;
  }
  const [port = 0] = await freePorts(1);
  const config = join(options.folder, "nginx.conf");
  writeFileSync(config, configOf(port, options));
  const args = ["-p", options.folder, "-c", config, "-e", "stderr"];
  // A master and its one worker.
  const version = versionOf(program, "-v");
  return startProxy({ name: "nginx", version, command: program, args, port, processes: 2 }, options);
}

function configOf(port: number, { folder, upstreamPort }: ProxyOptions): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")}
  http2_max_concurrent_streams 1024;
  keepalive_requests 1000000;
  upstream engine {
    server 127.0.0.1:${upstreamPort};
    keepalive 256;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port} http2;
    location / {
      grpc_pass grpc://engine;
      grpc_read_timeout 600s;
      grpc_socket_keepalive on;
    }
  }
}
`;
}
