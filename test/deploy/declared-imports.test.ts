// An image holds what package.json declares and nothing else. Here everything is hoisted into one folder, so that a package
// nobody declared is found all the same; this walks from main.ts and names each one.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { repositoryRoot, SERVICE_NAMES } from "@chimera/supervisor";
import { describe, expect, it } from "vitest";

const OWN_SCOPE = "@chimera/";
/** Statements at the start of a line, import() with a fixed name, and workers. What is a type alone is gone at run time. */
const IMPORTS =
  /^(?:(?:import|export) (?!type )[^"`()]*?from |import )"([^"]+)"|\bimport\("([^"]+)"\)|new URL\("(\.[^"]+\.ts)", import\.meta\.url\)/gm;

interface Manifest {
  dependencies?: Record<string, string>;
  exports?: Record<string, string>;
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(repositoryRoot, folder, "package.json"), "utf8")) as Manifest;
}

/** Imports from a package whose manifest does not name them, over everything that the file leads to. */
function undeclaredFrom(entry: string): string[] {
  const visited = new Set<string>();
  const undeclared = new Set<string>();
  const visit = (file: string) => {
    if (visited.has(file)) return;
    visited.add(file);
    const owner = file.split("/").slice(0, 2).join("/");
    const { dependencies = {} } = manifestOf(owner);
    for (const [, statement, call, worker] of readFileSync(join(repositoryRoot, file), "utf8").matchAll(IMPORTS)) {
      const target = statement ?? call ?? worker ?? "";
      if (target.startsWith("node:")) continue;
      if (target.startsWith(".")) {
        visit(join(dirname(file), target));
        continue;
      }
      const name = packageName(target);
      if (!(name in dependencies)) undeclared.add(`${name} in ${owner}, imported by ${file}`);
      if (name.startsWith(OWN_SCOPE)) visit(ownFile(target));
    }
  };
  visit(entry);
  return [...undeclared];
}

function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** The file behind an import of one of our own libraries. */
function ownFile(specifier: string): string {
  const name = packageName(specifier);
  const folder = join("libs", name.slice(OWN_SCOPE.length));
  const file = manifestOf(folder).exports?.[`.${specifier.slice(name.length)}`];
  if (file === undefined) throw new Error(`${name} does not export what ${specifier} asks for`);
  return join(folder, file);
}

describe.each(SERVICE_NAMES)("the %s", (service) => {
  it("imports only packages that it, or the library that imports them, declares", () => {
    expect(undeclaredFrom(join("services", service, "src/main.ts"))).toEqual([]);
  });
});
