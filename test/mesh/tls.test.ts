// A mesh whose services know each other by certificates, and whose door shows one to its callers.
import { CacheService } from "@chimera/contracts/cache";
import { Health } from "@chimera/contracts/health";
import { InferenceService } from "@chimera/contracts/inference";
import { RouterService } from "@chimera/contracts/router";
import { createLogger, readSettings, type Service } from "@chimera/lifecycle";
import { connectClient, openTls, type Tls, type TlsFiles } from "@chimera/rpc";
import { Authority, CertificateFolder } from "@chimera/rpc/testing";
import { ask, cacheStatus, until } from "@chimera/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fields as cacheFields } from "../../services/cache/src/config.ts";
import { createCache } from "../../services/cache/src/service.ts";
import { fields as evaluatorFields } from "../../services/evaluator/src/config.ts";
import { createEvaluator } from "../../services/evaluator/src/service.ts";
import { fields as inferenceFields } from "../../services/inference/src/config.ts";
import { createInference } from "../../services/inference/src/service.ts";
import { fields as routerFields } from "../../services/router/src/config.ts";
import { createRouter } from "../../services/router/src/service.ts";

const logger = createLogger("test", "silent");
/** Nothing here needs events; services serve without them. */
const CHIMERA_NATS_URL = "nats://127.0.0.1:9";
const mesh = new Authority("the mesh");
const publicAuthority = new Authority("the public");
const [services, door, folders] = [new CertificateFolder(), new CertificateFolder(), [] as CertificateFolder[]];

let running: { inference: Service; cache: Service; router: Service; evaluator: Service };
const clients: { close(): void }[] = [];
beforeAll(async () => {
  const own = services.putAll(mesh.issue(["127.0.0.1"]), mesh.cert);
  const shown = door.putAll(publicAuthority.issue(["127.0.0.1"]));
  const env = {
    CHIMERA_NATS_URL,
    CHIMERA_TLS_CERT_FILE: own.certFile,
    CHIMERA_TLS_KEY_FILE: own.keyFile,
    CHIMERA_TLS_CA_FILE: own.caFile,
  };
  const engine = { INFERENCE_ENGINE: "simulated", CHIMERA_SIMULATED_TIME_SCALE: "100", INFERENCE_PORT: "0" };
  const inference = await createInference(readSettings("inference", inferenceFields, { ...env, ...engine }), logger);
  const cache = await createCache(readSettings("cache", cacheFields, { ...env, CACHE_PORT: "0" }), logger);
  const routerEnv = {
    ...env,
    ROUTER_PORT: "0",
    ROUTER_CACHE_BUDGET_MS: "5000",
    CHIMERA_INFERENCE_URLS: `https://${inference.address}`,
    CHIMERA_CACHE_URL: `https://${cache.address}`,
    ROUTER_TLS_CERT_FILE: shown.certFile,
    ROUTER_TLS_KEY_FILE: shown.keyFile,
  };
  const router = await createRouter(readSettings("router", routerFields, routerEnv), logger);
  const evaluatorEnv = { ...env, EVALUATOR_PORT: "0", CHIMERA_ROUTER_URL: `https://${router.address}` };
  const evaluator = await createEvaluator(readSettings("evaluator", evaluatorFields, evaluatorEnv), logger);
  running = { inference, cache, router, evaluator };
});
afterAll(async () => {
  for (const client of clients) client.close();
  for (const service of Object.values(running ?? {}).reverse()) {
    await service.drain();
    await service.dispose();
  }
  for (const folder of [services, door, ...folders]) folder.remove();
});

function knowing(files: (folder: CertificateFolder) => TlsFiles): Tls | undefined {
  const folder = new CertificateFolder();
  folders.push(folder);
  return openTls(files(folder), { logger });
}

function call<S extends Parameters<typeof connectClient>[0]>(service: S, url: string, tls?: Tls) {
  const made = connectClient(service, url, { tls });
  clients.push(made);
  return made.client;
}

it("answers callers who trust the door, from the engine and then from the cache", async () => {
  const tls = knowing((folder) => ({ caFile: folder.put("ca.pem", publicAuthority.cert) }));
  const router = call(RouterService, `https://${running.router.address}`, tls);
  const question = { prompt: "hello", sampling: { maxTokens: 4, temperature: 0 } };
  await until("a router that has found its replica", async () => (await ask(router, question)).text.length > 0);
  await until("the stored answer", async () => cacheStatus(await ask(router, question)) === "hit");
});

it("keeps everyone out who has no certificate of the mesh", async () => {
  const onlyTrusting = knowing((folder) => ({ caFile: folder.put("ca.pem", mesh.cert) }));
  const stranger = knowing((folder) => folder.putAll(publicAuthority.issue(["127.0.0.1"]), mesh.cert));
  const member = knowing((folder) => folder.putAll(mesh.issue(["127.0.0.1"]), mesh.cert));
  for (const tls of [undefined, onlyTrusting, stranger]) {
    for (const scheme of ["http", "https"]) {
      await expect(
        call(InferenceService, `${scheme}://${running.inference.address}`, tls).describe({}),
      ).rejects.toThrow();
      await expect(call(CacheService, `${scheme}://${running.cache.address}`, tls).stats({})).rejects.toThrow();
      await expect(call(Health, `${scheme}://${running.evaluator.address}`, tls).check({})).rejects.toThrow();
    }
  }
  const inference = call(InferenceService, `https://${running.inference.address}`, member);
  expect((await inference.describe({})).engine).toBe("simulated");
  expect(await call(Health, `https://${running.evaluator.address}`, member).check({})).toBeDefined();
});
