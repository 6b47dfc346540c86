// What the tests of the client's examples and of its package need beyond Node. A test exists only where its tools do; CI has
// them all.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { has } from "./tools.ts";

const ROOT = join(import.meta.dirname, "../..");
const MODULES = join(ROOT, "node_modules");

export const CLIENT = join(ROOT, "libs/client");
export const PROTO = join(ROOT, "proto");
export const NODE_MODULES = MODULES;
/** Debian's, made for the library versions that Debian's Python has. */
export const GRPC_PYTHON_PLUGIN = "/usr/bin/grpc_python_plugin";
export const CHROMIUM = "/usr/bin/chromium";

export const hasForClient = {
  pythonStubs: has.pythonGrpc && existsSync(GRPC_PYTHON_PLUGIN),
  compiler: existsSync(join(MODULES, "typescript")),
  browser: existsSync(CHROMIUM) && existsSync(join(MODULES, "playwright-core")),
};
