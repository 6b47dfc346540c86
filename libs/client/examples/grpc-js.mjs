// Without the SDK: plain @grpc/grpc-js and the .proto files. Deadline and retries are set in gRPC's own service config.
//   node grpc-js.mjs [127.0.0.1:7100] [folder of the .proto files]
import { fileURLToPath } from "node:url";
import { credentials, loadPackageDefinition, Metadata, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [address = "127.0.0.1:7100", protoFolder = fileURLToPath(new URL("../../../proto", import.meta.url))] =
  process.argv.slice(2);

const definition = loadSync("chimera/router/v1/router.proto", {
  includeDirs: [protoFolder],
  ...{ enums: String, longs: Number, oneofs: true, defaults: true },
});
const { RouterService } = loadPackageDefinition(definition).chimera.router.v1;

const router = new RouterService(address, credentials.createInsecure(), {
  "grpc.service_config": JSON.stringify({
    methodConfig: [
      {
        name: [{ service: "chimera.router.v1.RouterService", method: "Generate" }],
        timeout: "30s",
        // gRPC retries only what was refused before the first token; the router's pushback says when.
        retryPolicy: {
          ...{ maxAttempts: 3, initialBackoff: "0.1s", maxBackoff: "2s", backoffMultiplier: 2 },
          retryableStatusCodes: ["UNAVAILABLE"],
        },
      },
    ],
    retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
  }),
});

const metadata = new Metadata();
metadata.set("x-chimera-tenant", "acme");

const call = router.generate(
  { messages: [{ role: "ROLE_USER", content: "my parcel has not arrived" }], sampling: { temperature: 0 } },
  metadata,
);
for await (const { delta, complete } of call) {
  if (delta) process.stdout.write(delta.text);
  if (complete) console.log(`\n${complete.finishReason}, ${complete.usage.completionTokens} tokens`);
}

// Leaving the loop alone does not end a grpc-js call: cancel it, and the engine stops.
const story = router.generate({ prompt: "### ticket\n", cachePolicy: "CACHE_POLICY_BYPASS" }, metadata);
story.on("error", () => undefined);
for await (const { delta } of story) {
  if (!delta) continue;
  story.cancel();
  break;
}

try {
  for await (const _ of router.generate({ prompt: "hi", model: "gpt-9" }, metadata));
} catch (error) {
  console.log(`${status[error.code]}: ${error.details}`);
}
router.close();
