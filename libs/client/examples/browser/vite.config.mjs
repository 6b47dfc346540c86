// Serves the page and, on the same origin, the router: a page from another origin would need the router to allow it (CORS).
//   CHIMERA_URL=http://127.0.0.1:7100 npx vite examples/browser
import { defineConfig, loadEnv } from "vite";

export default defineConfig(({ mode }) => {
  const { CHIMERA_URL = "http://127.0.0.1:7100" } = loadEnv(mode, import.meta.dirname, "CHIMERA_");
  const proxy = { "^/(chimera|grpc)\\.": CHIMERA_URL };
  return { server: { proxy }, preview: { proxy } };
});
