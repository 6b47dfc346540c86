// The Dockerfiles: pinned, without root or npm in the result, and in step with the service and with each other.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_PORTS, repositoryRoot } from "@chimera/supervisor";
import { describe, expect, it } from "vitest";
import { deployFolder, dockerfileOf, SERVICE_NAMES, type ServiceName } from "./compose-file.ts";
import { environmentOf, readDockerfile } from "./dockerfile.ts";

const manifest = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
  version: string;
  dependencies: { node: string };
};

function finalStage(service: ServiceName) {
  const { image, instructions = [] } = readDockerfile(dockerfileOf(service)).at(-1) ?? {};
  const text = (name: string) => instructions.find((each) => each.name === name)?.text ?? "";
  return { image, instructions, text };
}

it("every service has a Dockerfile, and there is none besides", () => {
  const found = readdirSync(join(deployFolder, "docker")).filter((file) => file.endsWith(".Dockerfile"));
  expect(found.sort()).toEqual(SERVICE_NAMES.map((name) => `${name}.Dockerfile`).sort());
});

describe.each(SERVICE_NAMES)("the image of the %s", (service) => {
  const stages = readDockerfile(dockerfileOf(service));
  const final = finalStage(service);

  it("is built by the Node that the repository pins, and starts from nothing", () => {
    for (const { image } of stages.slice(0, -1)) {
      expect(image).toBe(`node:${manifest.dependencies.node}-bookworm-slim`);
    }
    expect(final.image).toBe("scratch");
    expect(final.instructions.filter(({ name }) => name === "RUN")).toEqual([]);
  });

  it("installs this service alone, without development packages and install scripts", () => {
    const install = stages.flatMap(({ instructions }) => instructions).find(({ text }) => text.includes("npm ci"));
    expect(install?.words).toEqual(
      expect.arrayContaining([
        "--omit=dev",
        `services/${service}`,
        "--include-workspace-root=false",
        "--ignore-scripts",
      ]),
    );
  });

  it("copies only from files and stages that exist", () => {
    const names = stages.map(({ name }) => name);
    const instructions = stages.flatMap((stage) => stage.instructions);
    for (const { flags, words } of instructions.filter(({ name }) => name === "COPY")) {
      if (flags.from !== undefined) expect(names).toContain(flags.from);
      else for (const source of words.slice(0, -1)) expect(existsSync(join(repositoryRoot, source)), source).toBe(true);
    }
    const scripts = instructions.flatMap(({ text }) => text.match(/deploy\/docker\/[\w.-]+/g) ?? []);
    expect(scripts.length).toBeGreaterThan(0);
    for (const script of scripts) expect(existsSync(join(repositoryRoot, script)), script).toBe(true);
  });

  it("runs as a user without rights, from the service's own folder", () => {
    expect(final.text("USER")).toBe("65532:65532");
    const folder = final.text("WORKDIR");
    const entry = JSON.parse(final.text("ENTRYPOINT")) as string[];
    expect(folder).toBe(`/app/services/${service}`);
    expect(entry).toContain("--enable-source-maps");
    expect(entry.at(-2)).toBe("@chimera/telemetry/register");
    expect(existsSync(join(repositoryRoot, "services", service, entry.at(-1) ?? "?"))).toBe(true);
  });

  it("exposes and probes the port it listens on", () => {
    const variable = `${service.toUpperCase()}_PORT`;
    expect(environmentOf(final.instructions)[variable]).toBe(String(DEFAULT_PORTS[service]));
    expect(final.text("EXPOSE")).toBe(String(DEFAULT_PORTS[service]));
    expect(final.text("HEALTHCHECK")).toMatch(/^--interval=\d+s --timeout=\d+s .*CMD \[/);
    expect(final.text("HEALTHCHECK")).toContain(`"/app/healthcheck.mjs", "${variable}"`);
    expect(final.text("STOPSIGNAL")).toBe("SIGTERM");
  });

  it("bears the repository's version", () => {
    expect(final.text("LABEL")).toContain(`org.opencontainers.image.version="${manifest.version}"`);
  });
});

it("the build never sees the test kit, whose packages npm would install as something to ship", () => {
  const lines = readFileSync(join(repositoryRoot, ".dockerignore"), "utf8").split("\n");
  expect(lines).toContain("libs/testkit");
  expect(lines.indexOf("libs/testkit")).toBeGreaterThan(lines.indexOf("!libs"));
});
