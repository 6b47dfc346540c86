// Real programs in temporary folders stand in for nats-server; only the network and apt are answered by the test.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FindOptions, findNatsServer } from "./find.ts";
import { runCommand } from "./run-command.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chimera-nats-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(path: string, version: string): string {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  chmodSync(path, 0o755);
  return path;
}

const offline: typeof fetch = () =>
  Promise.reject(new TypeError("fetch failed", { cause: new Error("getaddrinfo ENOTFOUND") }));

function options(overrides: Partial<FindOptions> = {}): FindOptions {
  return {
    env: { PATH: join(folder, "bin") },
    installDir: join(folder, "install"),
    wellKnownDirs: [join(folder, "sbin")],
    fetch: offline,
    platform: "linux",
    architecture: "x64",
    isRoot: false,
    run: (command, args, how) =>
      command.startsWith("apt") ? Promise.resolve({ ok: false, output: "not here" }) : runCommand(command, args, how),
    ...overrides,
  };
}

describe("a program on this machine", () => {
  it("is taken from PATH before the well-known folders", async () => {
    const path = program(join(folder, "bin", "nats-server"), "2.12.1");
    program(join(folder, "sbin", "nats-server"), "2.14.0");
    expect(await findNatsServer(options())).toMatchObject({ kind: "program", path, version: "2.12.1" });
  });

  it("is found in a well-known folder that PATH does not reach", async () => {
    const path = program(join(folder, "sbin", "nats-server"), "2.9.10");
    expect(await findNatsServer(options())).toMatchObject({ path, version: "2.9.10" });
  });

  it("is passed over where it is too old or does not run", async () => {
    program(join(folder, "bin", "nats-server"), "2.8.4");
    program(join(folder, "broken", "nats-server"), "2.12.0");
    writeFileSync(join(folder, "broken", "nats-server"), "#!/bin/sh\nexit 1\n");
    const path = program(join(folder, "sbin", "nats-server"), "2.10.27");
    const env = { PATH: [join(folder, "bin"), join(folder, "broken")].join(delimiter) };
    expect(await findNatsServer(options({ env }))).toMatchObject({ path });
  });
});

describe("CHIMERA_NATS_URL", () => {
  it("wins over programs, and says which version answered", async () => {
    program(join(folder, "bin", "nats-server"), "2.12.1");
    const server = createServer((socket) => socket.end('INFO {"version":"2.15.1","jetstream":true}\r\n'));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const url = `nats://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    const found = await findNatsServer(options({ env: { CHIMERA_NATS_URL: url } }));
    server.close();
    expect(found).toMatchObject({ kind: "external", url, version: "2.15.1" });
  });

  it("that nobody answers is an error that names the variable and the way out", async () => {
    const env = { PATH: join(folder, "bin"), CHIMERA_NATS_URL: "nats://127.0.0.1:1" };
    await expect(findNatsServer(options({ env }))).rejects.toThrow(/CHIMERA_NATS_URL.*127\.0\.0\.1:1.*unset/s);
  });
});

describe("where there is no server", () => {
  it("throws away a download whose checksum is wrong and does not run it", async () => {
    const tampered: typeof fetch = () => Promise.resolve(new Response("not the release"));
    await expect(findNatsServer(options({ fetch: tampered }))).rejects.toThrow(/SHA-256 .* thrown away/);
    expect(existsSync(join(folder, "install", "v2.14.7"))).toBe(false);
  });

  it("unpacks Debian's package when the release can not be reached, and says both", async () => {
    const lines: string[] = [];
    const run: FindOptions["run"] = async (command, args, how) => {
      if (command === "apt-get" && args[0] === "download") writeFileSync(join(how.cwd ?? "", "nats-server.deb"), "");
      if (command === "dpkg") program(join(String(args[2]), "usr", "sbin", "nats-server"), "2.9.10");
      return /^(apt|dpkg)/.test(command) ? { ok: true, output: "" } : runCommand(command, args, how);
    };
    const found = await findNatsServer(options({ run, report: (line) => lines.push(line) }));
    expect(found).toMatchObject({ path: join(folder, "install", "debian", "usr", "sbin", "nats-server") });
    expect(lines.join("\n")).toMatch(/trying the official release[\s\S]*ENOTFOUND[\s\S]*trying Debian/);

    const again = await findNatsServer(options());
    expect(again.origin).toContain("unpacked before");
  });

  it("lists what was tried and what would help", async () => {
    await expect(findNatsServer(options())).rejects.toThrow(
      /official release: github\.com.*ENOTFOUND[\s\S]*Debian package[\s\S]*on PATH[\s\S]*CHIMERA_NATS_URL=/,
    );
  });
});
