// Writes packages of other platforms into package-lock.json: `node scripts/complete-lockfile.mjs` after an `npm install` that
// changed it. npm leaves an optional package out of the lockfile where the registry in use does not offer it (a mirror that
// holds one platform only), and `npm ci` then refuses that lockfile everywhere. With name, version and platform in it, npm
// skips them where they do not fit and takes them from the registry where they do.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./toolchain.mjs";

const SYSTEMS = {
  android: "android",
  darwin: "darwin",
  mac: "darwin",
  win: "win32",
  windows: "win32",
  win32: "win32",
  linux: "linux",
};
const PROCESSORS = { arm64: "arm64", armv7: "arm", x64: "x64", 64: "x64" };

/** Optional dependencies without an entry: [name, version, entry of the package that wants it]. */
export function missingOptional({ packages }) {
  return Object.entries(packages).flatMap(([path, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => !isLocked(packages, path, name))
      .map(([name, version]) => ({ name, version, parent: entry })),
  );
}

/** Looks where Node would: beside the package, then one folder up, and so on. */
function isLocked(packages, path, name) {
  for (let base = path; ; base = base.slice(0, Math.max(0, base.lastIndexOf("/node_modules/")))) {
    if (packages[`${base === "" ? "" : `${base}/`}node_modules/${name}`] !== undefined) return true;
    if (base === "") return false;
  }
}

/** The same lockfile with an entry for each of them, in npm's order. */
export function completed(lock) {
  const packages = { ...lock.packages };
  for (const { name, version, parent } of missingOptional(lock)) {
    packages[`node_modules/${name}`] = {
      version,
      ...(parent.dev && { dev: true }),
      optional: true,
      ...platformOf(name),
    };
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en"));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

/** Such packages carry their platform in their name. */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const os = words.map((word) => SYSTEMS[word]).find(Boolean);
  const cpu = words.map((word) => PROCESSORS[word]).find(Boolean);
  return { ...(os && { os: [os] }), ...(cpu && { cpu: [cpu] }), ...(words.includes("musl") && { libc: ["musl"] }) };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const path = join(root, "package-lock.json");
  const lock = JSON.parse(readFileSync(path, "utf8"));
  const missing = missingOptional(lock);
  if (missing.length > 0) writeFileSync(path, `${JSON.stringify(completed(lock), null, 2)}\n`);
  process.stdout.write(`${missing.length} packages of other platforms added\n`);
}
