// The page: sends what is in the form, shows the answer as it comes, and stops it when asked to.
import { ChimeraClientError, createClient } from "@chimera/client/web";

const element = (id) => document.getElementById(id);
const [ask, stop, answer, figures] = ["ask", "stop", "answer", "figures"].map(element);

// The router is where the page came from. `?protocol=grpc-web` speaks gRPC-Web instead of Connect.
const protocol = new URLSearchParams(location.search).get("protocol") ?? "connect";
const client = createClient({ baseUrl: location.origin, protocol, tenant: "acme", deadlineMs: 60_000 });

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  answer.textContent = "";
  figures.textContent = "";
  ask.disabled = true;
  stop.disabled = false;
  try {
    const stream = client.generate(JSON.parse(element("request").value));
    stop.onclick = () => stream.cancel();
    for await (const piece of stream.text) answer.append(piece);
    const { ttftMs, usage, cache } = await stream.result();
    figures.textContent = `TTFT ${ttftMs?.toFixed(0)} ms, ${usage.completionTokens} tokens, cache ${cache.status}`;
  } catch (error) {
    const known = error instanceof ChimeraClientError ? `${error.code}: ` : "";
    figures.textContent = `${known}${error.message}`;
  } finally {
    ask.disabled = false;
    stop.disabled = true;
  }
});
