// Which outside tools this machine has. Their tests exist only where they do; the CI script installs all of them.
import { spawnSync } from "node:child_process";

function works(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** Debian's interpreter, which sees Debian's packages. */
export const DEBIAN_PYTHON = "/usr/bin/python3";

export const has = {
  curl: works("curl", "--version"),
  pythonGrpc: works(DEBIAN_PYTHON, "-c", "import grpc, google.protobuf") && works("protoc", "--version"),
};
