// The client as others get it: the packed package in a folder of its own, the examples as they are run, and a real browser.
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { startTestMesh, type TestMesh, until } from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, CLIENT, GRPC_PYTHON_PLUGIN, hasForClient, NODE_MODULES, PROTO } from "./client-tools.ts";
import { DEBIAN_PYTHON } from "./tools.ts";

const run = promisify(execFile);

let test: TestMesh;
let url: string;
let address: string;
beforeAll(async () => {
  test = await startTestMesh();
  url = test.mesh.url("router");
  address = new URL(url).host;
});
afterAll(() => test[Symbol.asyncDispose]());

/** What the SDK's example prints, a first or a later time. */
const CONNECT_NODE = [
  /^intent=shipping priority=normal$/,
  /^TTFT [\d.]+ ms, 7 tokens, cache (miss|hit), (inference|cache)$/,
  /^i can not sign in: intent=login priority=normal$/,
  /^i was charged twice: intent=billing priority=\w+$/,
  /^INVALID_ARGUMENT: sampling.temperature/,
  /^ {2}sampling.temperature: 9 is out of range/,
];

function expectLines(stdout: string, patterns: RegExp[]): void {
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toEqual(patterns.map((pattern) => expect.stringMatching(pattern)));
}

describe("the examples", () => {
  it("connect-node.mjs asks, converses and is told what is wrong", async () => {
    const { stdout } = await run(process.execPath, [join(CLIENT, "examples/connect-node.mjs"), url]);
    expectLines(stdout, CONNECT_NODE);
  });

  it("grpc-js.mjs does it with the .proto files alone", async () => {
    const { stdout } = await run(process.execPath, [join(CLIENT, "examples/grpc-js.mjs"), address]);
    expectLines(stdout, [
      /^intent=shipping priority=normal$/,
      /^FINISH_REASON_STOP, 7 tokens$/,
      /^NOT_FOUND: model "gpt-9" is not served here/,
    ]);
  });

  if (hasForClient.pythonStubs) {
    it("client.py does it in Python, with the stubs that its README makes", async () => {
      const stubs = join(test.folder, "stubs");
      await mkdir(stubs);
      const files = ["common/v1/common", "router/v1/router"].map((name) => `chimera/${name}.proto`);
      const plugin = `--plugin=protoc-gen-grpc_python=${GRPC_PYTHON_PLUGIN}`;
      await run("protoc", [`-I${PROTO}`, `--python_out=${stubs}`, `--grpc_python_out=${stubs}`, plugin, ...files]);
      const { stdout } = await run(DEBIAN_PYTHON, [join(CLIENT, "examples/python/client.py"), address, stubs]);
      expectLines(stdout, [
        /^cache CACHE_STATUS_(MISS|HIT) trace [0-9a-f]{32}$/,
        /^intent=shipping priority=normal$/,
        /^7 tokens$/,
        /^NOT_FOUND: model "gpt-9" is not served here/,
      ]);
    });
  }
});

if (hasForClient.compiler) {
  describe("the package", () => {
    /** An empty folder with the package installed from its tarball, and what it depends on. */
    let app: string;
    beforeAll(async () => {
      const dist = join(test.folder, "dist");
      app = join(test.folder, "app");
      const modules = join(app, "node_modules");
      await mkdir(join(modules, "@chimera/client"), { recursive: true });
      await run(process.execPath, [join(CLIENT, "build.mjs"), dist]);
      const { stdout } = await run("npm", ["pack", dist, "--pack-destination", test.folder, "--silent"]);
      const tarball = join(test.folder, stdout.trim());
      await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", join(modules, "@chimera/client")]);
      for (const name of ["@bufbuild", "@connectrpc"]) await symlink(join(NODE_MODULES, name), join(modules, name));
      await writeFile(join(app, "package.json"), '{ "type": "module" }');
    });

    it("works in plain JavaScript, on a Node that knows nothing of TypeScript", async () => {
      await cp(join(CLIENT, "examples/connect-node.mjs"), join(app, "main.mjs"));
      const { stdout } = await run(process.execPath, ["--no-experimental-strip-types", "main.mjs", url], { cwd: app });
      expectLines(stdout, CONNECT_NODE);
    });

    it("names everything that it imports", async () => {
      const manifest = JSON.parse(await readFile(join(app, "node_modules/@chimera/client/package.json"), "utf8"));
      expect(manifest).toMatchObject({ name: "@chimera/client", license: "Apache-2.0", engines: { node: ">=20" } });
      expect(manifest.private).toBeUndefined();
      expect(Object.keys(manifest.dependencies)).toEqual([
        "@bufbuild/protobuf",
        "@connectrpc/connect",
        "@connectrpc/connect-node",
        "@connectrpc/connect-web",
      ]);
    });

    it.each([
      ["a service", "nodenext", "@chimera/client"],
      ["a bundled page", "bundler", "@chimera/client/web"],
    ])("has types that %s compiles against, strictly", async (_who, resolution, entry) => {
      const folder = join(app, resolution);
      await mkdir(folder);
      const compilerOptions = {
        ...{ noEmit: true, strict: true, exactOptionalPropertyTypes: true, types: [], target: "es2022" },
        ...{ lib: ["es2022", "dom", "dom.iterable"], skipLibCheck: true, moduleResolution: resolution },
        module: resolution === "bundler" ? "esnext" : resolution,
      };
      await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
      await writeFile(join(folder, "right.ts"), consumer(entry, ""));
      const tsc = [join(NODE_MODULES, "typescript/bin/tsc"), "-p", folder];
      await run(process.execPath, tsc);
      await writeFile(join(folder, "wrong.ts"), consumer(entry, "const wrong: number = answer.text;"));
      await expect(run(process.execPath, tsc)).rejects.toMatchObject({
        stdout: expect.stringMatching(/^\S*wrong\.ts.*TS2322/m),
      });
    });
  });
}

function consumer(entry: string, more: string): string {
  return `
    import { type AnswerEvent, ChimeraClientError, createClient } from "${entry}";
    const client = createClient({ baseUrl: "http://127.0.0.1:7100", token: async () => "jwt", retry: { maxAttempts: 2 } });
    const stream = client.generate({ messages: [{ role: "user", content: "hi" }], sampling: { temperature: 0 } });
    export const seen: AnswerEvent[] = [];
    for await (const event of stream) if (event.type === "delta") seen.push(event);
    const answer = await stream.result();
    const ttft: number | undefined = answer.ttftMs;
    ${more}
    try { await client.connect(); } catch (error) {
      if (error instanceof ChimeraClientError && error.code === "UNAVAILABLE") console.log(error.partial?.nextSeq, ttft);
    }
  `;
}

if (hasForClient.browser) {
  describe("a browser", () => {
    type Page = import("playwright-core").Page;
    const open: (() => Promise<unknown>)[] = [];
    let page: Page;
    let pageUrl: string;
    beforeAll(async () => {
      const { build, preview } = await import("vite");
      const { chromium } = await import("playwright-core");
      const root = join(CLIENT, "examples/browser");
      const outDir = join(test.folder, "browser");
      const build_ = { outDir, emptyOutDir: true };
      await build({ root, build: build_, logLevel: "error" });
      const proxy = { "^/(chimera|grpc)\\.": url };
      const server = await preview({ root, build: build_, logLevel: "error", preview: { port: 0, proxy } });
      open.push(() => server.close());
      pageUrl = server.resolvedUrls?.local[0] ?? "";
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
      open.push(() => browser.close());
      page = await browser.newPage();
    });
    afterAll(async () => {
      for (const close of open.reverse()) await close();
    });

    const LONG = {
      prompt: "### ticket\n",
      sampling: { temperature: 0, maxTokens: 900, stop: ["\u0000"] },
      cachePolicy: "bypass",
    };
    const engine = () => test.inference.describe({});
    const idle = () => until("an idle engine", async () => (await engine()).activeGenerations === 0);

    /** The page itself acts on its sixth delta: told to from out here, it could have the whole answer by then. */
    const onceReading = (act: () => void) =>
      page.evaluate(
        `new MutationObserver((_, watch) => {
          if (document.querySelector("#answer").childNodes.length <= 5) return;
          watch.disconnect();
          (${act})();
        }).observe(document.querySelector("#answer"), { childList: true })`,
      );

    it.each(["connect", "grpc-web"])("streams tokens into the page over %s, and stops the engine", async (protocol) => {
      await page.goto(`${pageUrl}?protocol=${protocol}`);
      await page.click("#ask");
      await page.waitForFunction(() => document.querySelector("#figures")?.textContent);
      expect(await page.textContent("#figures")).toMatch(/^TTFT \d+ ms, 7 tokens, cache (miss|hit)$/);
      expect(await page.textContent("#answer")).toBe("intent=shipping priority=normal");

      await idle();
      const before = (await engine()).cancelled;
      await page.fill("#request", JSON.stringify(LONG));
      await onceReading(() => document.querySelector<HTMLElement>("#stop")?.click());
      await page.click("#ask");
      await page.waitForFunction(() => document.querySelector("#figures")?.textContent);
      expect(await page.textContent("#figures")).toBe("CANCELLED: the call was cancelled");
      await idle();
      expect((await engine()).cancelled - before).toBe(1n);
    });

    it("stops the engine when the page is left", async () => {
      await page.goto(pageUrl);
      await page.fill("#request", JSON.stringify(LONG));
      const before = (await engine()).cancelled;
      await onceReading(() => location.assign("about:blank"));
      await page.click("#ask");
      await page.waitForURL("about:blank");
      await idle();
      expect((await engine()).cancelled - before).toBe(1n);
    });
  });
}

it("had every tool that CI has", () => {
  const missing = Object.entries(hasForClient).filter(([, has]) => !has);
  expect(process.env.CI ? missing : []).toEqual([]);
});
