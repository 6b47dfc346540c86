// deploy/compose.yaml against the services it starts: settings, addresses, grace periods, and what a container may do.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readSettings } from "@chimera/lifecycle";
import { DEFAULT_PORTS, repositoryRoot } from "@chimera/supervisor";
import { describe, expect, it } from "vitest";
import { RELEASE_VERSION } from "../../libs/supervisor/src/nats/release.ts";
import {
  deployFolder,
  dockerfileOf,
  environmentInContainer,
  FIELDS,
  readCompose,
  SERVICE_NAMES,
  type ServiceName,
} from "./compose-file.ts";

const SHARED_VARIABLES = /^(?:OTEL_[A-Z_]+|NODE_OPTIONS|NODE_ENV|CHIMERA_LOG_LEVEL)$/;
/** After the drain a service still sends its last events and spans: 3 s each at most, and exits. */
const AFTER_DRAIN_MS = 8000;
/** What V8's heap may take of a container; the rest is for buffers, threads and SQLite. */
const MAX_HEAP_SHARE = 0.75;

const compose = readCompose();
const own = SERVICE_NAMES.map((name) => ({ name, service: serviceNamed(name) }));

function serviceNamed(name: string) {
  const service = compose.services[name];
  if (!service) throw new Error(`compose.yaml has no service ${name}`);
  return service;
}

function settingsOf(name: ServiceName) {
  return readSettings(name, FIELDS[name], environmentInContainer(name, serviceNamed(name)));
}

function seconds(duration: string): number {
  return Number.parseInt(duration, 10);
}

function mebibytes(memory: string): number {
  return Number.parseInt(memory, 10) * (memory.endsWith("G") ? 1024 : 1);
}

describe.each(own)("$name in compose.yaml", ({ name, service }) => {
  it("is built from its Dockerfile and tagged with the repository's version", () => {
    const { version } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as { version: string };
    expect(service.image).toBe(`chimera/${name}:${version}`);
    expect(resolve(deployFolder, service.build?.context ?? "", service.build?.dockerfile ?? "")).toBe(
      dockerfileOf(name),
    );
  });

  it("sets only variables that the service reads, to values it accepts", () => {
    const known = new Set(Object.values(FIELDS[name]).map(({ env }) => env));
    const unknown = Object.keys(environmentInContainer(name, service)).filter(
      (key) => !known.has(key) && !SHARED_VARIABLES.test(key),
    );
    expect(unknown).toEqual([]);
    expect(() => settingsOf(name)).not.toThrow();
  });

  it("listens on its default port on every interface, and publishes that port on loopback alone", () => {
    expect(settingsOf(name)).toMatchObject({ host: "0.0.0.0", port: DEFAULT_PORTS[name] });
    for (const published of service.ports) {
      expect(published).toBe(`127.0.0.1:${DEFAULT_PORTS[name]}:${DEFAULT_PORTS[name]}`);
    }
  });

  it("gets longer to stop than it takes to drain", () => {
    const drain = Object.values(FIELDS[name]).find(({ env }) => /_DRAIN(?:_GRACE)?_M?S$/.test(env));
    expect(drain, "a setting for the drain").toBeDefined();
    const value = Number(drain?.schema.parse(environmentInContainer(name, service)[drain.env]));
    const drainMs = drain?.env.endsWith("_MS") ? value : value * 1000;
    expect(seconds(service.stop_grace_period) * 1000).toBeGreaterThanOrEqual(drainMs + AFTER_DRAIN_MS);
  });

  it("keeps the JavaScript heap below its memory limit", () => {
    const options = environmentInContainer(name, service).NODE_OPTIONS ?? "";
    const heapMib = Number(/--max-old-space-size=(\d+)/.exec(options)?.[1]);
    expect(heapMib / mebibytes(service.deploy.resources.limits.memory)).toBeLessThanOrEqual(MAX_HEAP_SHARE);
  });
});

describe.each(Object.entries(compose.services))("%s", (name, service) => {
  it("may write nowhere but to volumes and bounded tmpfs, gains no rights, keeps bounded logs", () => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
    for (const mount of service.tmpfs) expect(mount).toMatch(/size=\d+m/);
    expect(Object.keys(service.logging?.options ?? {}).sort()).toEqual(["max-file", "max-size"]);
  });

  it("comes from an image pinned to one version, and is checked for health", () => {
    expect(service.image).toMatch(/^[a-z/]+:\d+\.\d+\.\d+(?:-[a-z0-9.]+)?$/);
    const inImage = (SERVICE_NAMES as readonly string[]).includes(name);
    expect(service.healthcheck !== undefined || inImage, "a health check").toBe(true);
  });

  it("mounts, waits for and publishes only what exists", () => {
    for (const mount of service.volumes) {
      const [source = ""] = mount.split(":");
      const exists = source.startsWith(".") ? existsSync(resolve(deployFolder, source)) : source in compose.volumes;
      expect(exists, mount).toBe(true);
    }
    for (const other of Object.keys(service.depends_on)) expect(compose.services).toHaveProperty(other);
    for (const network of service.networks) expect(compose.networks).toHaveProperty(network);
    if (service.ports.length > 0) {
      expect(service.networks.some((network) => compose.networks[network]?.internal === false)).toBe(true);
    }
    for (const port of service.ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it("names only addresses that something in the file listens on", () => {
    for (const [variable, value] of Object.entries(service.environment)) {
      if (!/_URLS?$|_ENDPOINT$/.test(variable)) continue;
      for (const address of value.split(",")) expect(listeners(), `${variable}=${value}`).toContain(address);
    }
  });
});

/** Every address a container may be told: services by name, replicas by the name of their container. */
function listeners(): string[] {
  const addresses = ["nats://nats:4222", "http://jaeger:4317"];
  for (const { name, service } of own) {
    addresses.push(`http://${name}:${DEFAULT_PORTS[name]}`);
    const replicas = Number(service.deploy.replicas ?? 1);
    for (let n = 1; n <= replicas; n++) addresses.push(`http://${compose.name}-${name}-${n}:${DEFAULT_PORTS[name]}`);
  }
  return addresses;
}

it("tells the router of every inference replica", () => {
  const { inferenceUrls } = settingsOf("router") as { inferenceUrls: string[] };
  expect(inferenceUrls).toHaveLength(Number(serviceNamed("inference").deploy.replicas));
});

it("keeps the answers of the cache on a volume that the cache may write to", () => {
  const { store } = settingsOf("cache") as { store: string };
  const folder = serviceNamed("cache").volumes[0]?.split(":")[1] ?? "";
  expect(store.startsWith(`sqlite://${folder}/`)).toBe(true);
  expect(readFileSync(dockerfileOf("cache"), "utf8")).toContain(`--chown=65532:65532 /image/data ${folder}\n`);
});

it("keeps the looks at holdouts on a volume that the evaluator may write to", () => {
  const { stateDir, datasetsDir } = settingsOf("evaluator") as { stateDir: string; datasetsDir: string };
  const folders = serviceNamed("evaluator").volumes.map((mount) => mount.split(":")[1] ?? "");
  expect(folders.some((folder) => stateDir.startsWith(`${folder}/`))).toBe(true);
  expect(folders).toContain(datasetsDir);
  expect(readFileSync(dockerfileOf("evaluator"), "utf8")).toContain(
    "--chown=65532:65532 /image/data /var/lib/chimera\n",
  );
});

it("runs the NATS that `npm start` obtains", () => {
  expect(serviceNamed("nats").image).toBe(`nats:${RELEASE_VERSION}-alpine`);
});
