// What a bare clone runs before anything is installed, so it is tested through its files and not through imports of ours.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { completed, missingOptional } from "./complete-lockfile.mjs";
import { missingPackages, root } from "./toolchain.mjs";

interface LockEntry {
  version?: string;
  resolved?: string;
  link?: boolean;
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}
const lock: { packages: Record<string, LockEntry> } = JSON.parse(readFileSync(`${root}/package-lock.json`, "utf8"));

describe("package-lock.json", () => {
  it("names the packages of every platform, or npm ci refuses it", () => {
    expect(missingOptional(lock).map(({ name }) => name)).toEqual([]);
  });

  it("is completed with the platform that a package's name tells", () => {
    const wanting = {
      packages: {
        "node_modules/tool": {
          dev: true,
          optionalDependencies: { "@tool/cli-darwin-arm64": "1.2.3", "@tool/windows-64": "1.2.3" },
        },
      },
    };
    expect(completed(wanting).packages).toMatchObject({
      "node_modules/@tool/cli-darwin-arm64": {
        version: "1.2.3",
        dev: true,
        optional: true,
        os: ["darwin"],
        cpu: ["arm64"],
      },
      "node_modules/@tool/windows-64": { os: ["win32"], cpu: ["x64"] },
    });
  });
});

describe("missingPackages", () => {
  const wanted = {
    packages: {
      "": {},
      "node_modules/a": { version: "1.0.0" },
      "node_modules/only-dev": { version: "1.0.0", dev: true },
      "node_modules/other-platform": { version: "1.0.0", optional: true },
      "node_modules/@chimera/x": { resolved: "libs/x", link: true },
    },
  };
  const link = { resolved: "libs/x", link: true };

  it("asks for everything on a bare clone, and for nothing once npm recorded it", () => {
    expect(missingPackages(wanted, undefined, { dev: false })).toEqual(["a", "@chimera/x"]);
    const recorded = {
      packages: {
        "node_modules/a": { version: "1.0.0", resolved: "https://registry" },
        "node_modules/@chimera/x": link,
      },
    };
    expect(missingPackages(wanted, recorded, { dev: false })).toEqual([]);
    expect(missingPackages(wanted, recorded, { dev: true })).toEqual(["only-dev"]);
  });

  it("notices another version", () => {
    const recorded = { packages: { "node_modules/a": { version: "0.9.0" }, "node_modules/@chimera/x": link } };
    expect(missingPackages(wanted, recorded, { dev: false })).toEqual(["a"]);
  });

  it("finds this clone complete", () => {
    const installed = JSON.parse(readFileSync(`${root}/node_modules/.package-lock.json`, "utf8"));
    expect(missingPackages(lock, installed, { dev: false })).toEqual([]);
  });
});

describe("run.mjs", () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [`${root}/scripts/run.mjs`, ...args], { encoding: "utf8" });

  it("passes arguments and the exit code through", () => {
    const { status, stdout } = run("libs/cli/src/main.ts", "--help");
    expect(status).toBe(0);
    expect(stdout).toContain("Usage: chimera");
    expect(run("libs/cli/src/main.ts", "ask", "--bogus").status).toBe(2);
  });

  it("says what to do instead where there is no such file", () => {
    const { status, stderr } = run("biome");
    expect(status).toBe(1);
    expect(stderr).toContain("node scripts/run.mjs --dev biome");
  });
});
