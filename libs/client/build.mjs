// Makes the package that is published: `node build.mjs [FOLDER]`, dist/ where none is named. Plain JavaScript and types of this
// library, of the contracts and of the kernel, with a package.json of their own; `npm pack ./dist` packs it.
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const here = import.meta.dirname;
const root = join(here, "../..");
const out = resolve(process.argv[2] ?? join(here, "dist"));

const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));

/** Where tsc puts a source file of libs/: the folders keep their names. */
const built = (path) => path.replace(/\.ts$/, ".js");

/** The built file behind an import of another of our libraries, from the package's root. */
function ofLibrary(name, entry) {
  const { exports } = JSON.parse(readFileSync(join(root, "libs", name, "package.json"), "utf8"));
  return built(join(name, exports[`.${entry}`]));
}

/** Our other libraries are in the package, not beside it. */
function linkLibraries(file) {
  const toPath = (_all, name, entry = "") => `from "./${relative(dirname(file), join(out, ofLibrary(name, entry)))}"`;
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replaceAll(/from "@chimera\/([^/"]+)(\/[^"]+)?"/g, toPath));
}

/** Outside the repository newer releases are as good, and npm picks one that fits the Node at hand. */
function ranges(dependencies) {
  const outside = Object.entries(dependencies).filter(([name]) => !name.startsWith("@chimera/"));
  return Object.fromEntries(outside.map(([name, version]) => [name, OLDEST[name] ?? `^${version}`]));
}

// Connect 2.2 wants Node 22; 2.1.2 does the same on Node 20.
const OLDEST = {
  "@connectrpc/connect": "^2.1.2",
  "@connectrpc/connect-node": "^2.1.2",
  "@connectrpc/connect-web": "^2.1.2",
};

function publishedManifest() {
  const { name, version, type, description, license, sideEffects, exports, dependencies } = manifest;
  const entries = Object.entries(exports).map(([entry, file]) => {
    const path = `./${built(join("client", file))}`;
    return [entry, { types: path.replace(/\.js$/, ".d.ts"), default: path }];
  });
  return {
    ...{ name, version, type, description, license, sideEffects, engines: { node: ">=20" } },
    exports: { ...Object.fromEntries(entries), "./package.json": "./package.json" },
    dependencies: ranges(dependencies),
  };
}

rmSync(out, { recursive: true, force: true });
const tsc = join(root, "node_modules/typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [tsc, "-p", join(here, "tsconfig.build.json"), "--outDir", out], {
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);
for (const file of readdirSync(join(out, "client"), { recursive: true })) {
  if (/\.(js|d\.ts)$/.test(file)) linkLibraries(join(out, "client", file));
}
writeFileSync(join(out, "package.json"), `${JSON.stringify(publishedManifest(), null, 2)}\n`);
cpSync(join(here, "README.md"), join(out, "README.md"));
cpSync(join(root, "LICENSE"), join(out, "LICENSE"));
process.stdout.write(`${manifest.name} ${manifest.version} built in ${out}\n`);
