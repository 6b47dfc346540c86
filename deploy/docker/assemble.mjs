// Lays out the file system of one service's image: `node assemble.mjs SERVICE OUT`, run in the repository inside the build stage.
// The image starts from scratch: Node, the C libraries that Node and the native packages load, and the program. No shell, no
// package manager, nothing the process does not open. OUT gets one folder per image layer, the slowest to change first.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

const USER_ID = 65532;
const OWN_SCOPE = "@chimera/";
/** Loaded by glibc at run time, so `ldd` does not name them: lookups of host names and users. */
const LOADED_LATER = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];

const [service, out] = process.argv.slice(2);
if (!service || !out) throw new Error("usage: node assemble.mjs SERVICE OUT");
layOutSystem(join(out, "system"));
layOutProgram(join(out, "modules"), join(out, "program"));
mkdirSync(join(out, "data"), { recursive: true });

/** Node, its libraries, the one user, and a /tmp. */
function layOutSystem(root) {
  const files = [process.execPath, ...sharedLibraries()];
  for (const file of files) copyInto(root, file);
  recordPackages(root, files);
  write(join(root, "etc/passwd"), `chimera:x:${USER_ID}:${USER_ID}:chimera:/nonexistent:/nonexistent\n`);
  write(join(root, "etc/group"), `chimera:x:${USER_ID}:\n`);
  write(join(root, "etc/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n");
  mkdirSync(join(root, "tmp"), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
}

/** Packages from npm in one layer; our own libraries and the service in the next. */
function layOutProgram(modules, program) {
  const needed = ownPackages();
  cpSync("node_modules", join(modules, "node_modules"), { recursive: true, verbatimSymlinks: true });
  for (const name of readdirSync(join("node_modules", OWN_SCOPE))) {
    if (!needed.has(`${OWN_SCOPE}${name}`)) rmSync(join(modules, "node_modules", OWN_SCOPE, name));
  }
  for (const folder of needed.values())
    cpSync(folder, join(program, folder), { recursive: true, verbatimSymlinks: true });
  copyInto(program, "package.json");
  copyFileSync("deploy/docker/healthcheck.mjs", join(program, "healthcheck.mjs"));
}

/** The service and every library of ours below it, by package name. Development dependencies do not count. */
function ownPackages() {
  const needed = new Map();
  const visit = (name, folder) => {
    if (needed.has(name)) return;
    needed.set(name, folder);
    const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    for (const dependency of Object.keys(dependencies)) {
      if (dependency.startsWith(OWN_SCOPE)) visit(dependency, join("libs", dependency.slice(OWN_SCOPE.length)));
    }
  };
  visit(`${OWN_SCOPE}${service}`, join("services", service));
  return needed;
}

/** Absolute paths of what the loader opens for Node and for every native file in node_modules. */
function sharedLibraries() {
  const natives = readdirSync("node_modules", { recursive: true })
    .filter((path) => /\.(?:node|so[.\d]*)$/.test(path))
    .map((path) => join("node_modules", path));
  const found = new Set();
  for (const file of [process.execPath, ...natives]) {
    // A native file for another C library has nothing to list; it is never loaded here.
    for (const path of ldd(file).matchAll(/(\/\S+) \(0x/g)) found.add(path[1]);
  }
  const folder = dirname([...found].find((path) => basename(path) === "libc.so.6") ?? "");
  for (const name of LOADED_LATER) if (existsSync(join(folder, name))) found.add(join(folder, name));
  return [...found].filter((path) => !path.startsWith(process.cwd()));
}

function ldd(file) {
  try {
    return execFileSync("ldd", [file], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "";
  }
}

/** What scanners look for: the Debian packages the copied files came from. */
function recordPackages(root, files) {
  const owners = new Set();
  for (const file of files) {
    const owner = query("--search", file) || query("--search", `/usr${file}`);
    if (owner) owners.add(owner.split(": ")[0]);
  }
  for (const owner of owners) {
    write(join(root, "var/lib/dpkg/status.d", owner.split(":")[0]), query("--status", owner));
  }
}

function query(...args) {
  try {
    return execFileSync("dpkg-query", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "";
  }
}

function copyInto(root, file) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  copyFileSync(file, join(root, file));
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
