import { ConfigError, readSettings } from "@chimera/lifecycle";
import { describe, expect, it } from "vitest";
import { fields } from "./config.ts";

const read = (env: NodeJS.ProcessEnv) => readSettings("router", fields, env);

describe("the router's settings", () => {
  it("have defaults that find a mesh on this machine", () => {
    const { port, inferenceUrls, cacheUrl, apiKeys } = read({});
    expect({ port, inferenceUrls, cacheUrl, apiKeys }).toEqual({
      port: 7100,
      inferenceUrls: ["http://127.0.0.1:7102"],
      cacheUrl: "http://127.0.0.1:7101",
      apiKeys: [],
    });
  });

  it("take several replicas", () => {
    const { inferenceUrls } = read({ CHIMERA_INFERENCE_URLS: "http://a:1, http://b:2," });
    expect(inferenceUrls).toEqual(["http://a:1", "http://b:2"]);
  });

  it.each([
    [{ ROUTER_API_KEYS: "acme=hunter2" }, /ROUTER_API_KEYS \(hidden\): entry 1.*SHA-256/],
    [{ CHIMERA_INFERENCE_URLS: "ftp://a" }, /CHIMERA_INFERENCE_URLS = "ftp:\/\/a"/],
    [{ ROUTER_CACHE_BUDGET_MS: "0" }, /ROUTER_CACHE_BUDGET_MS = "0"/],
  ])("%j is refused by name", (env, message) => {
    expect(() => read(env)).toThrow(ConfigError);
    expect(() => read(env)).toThrow(message);
    expect(() => read(env)).not.toThrow(/hunter2/);
  });
});
