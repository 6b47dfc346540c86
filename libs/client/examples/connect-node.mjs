// The SDK in a program of your own: one answer token by token, a conversation, and what an error tells.
//   node connect-node.mjs [http://127.0.0.1:7100] [question]
import { ChimeraClientError, createClient } from "@chimera/client";

const [baseUrl = "http://127.0.0.1:7100", question = "my parcel has not arrived"] = process.argv.slice(2);
const client = createClient({ baseUrl, tenant: "acme", deadlineMs: 30_000 });

try {
  // Ahead of the first question, so that its time to first token is the mesh's alone.
  await client.connect();

  const answer = client.generate({ messages: [{ role: "user", content: question }], sampling: { temperature: 0 } });
  for await (const piece of answer.text) process.stdout.write(piece);
  const { ttftMs, usage, cache, servedBy } = await answer.result();
  console.log(`\nTTFT ${ttftMs?.toFixed(1)} ms, ${usage.completionTokens} tokens, cache ${cache.status}, ${servedBy}`);

  const chat = client.chat({ sampling: { temperature: 0 } });
  for (const turn of ["i can not sign in", "i was charged twice"]) {
    console.log(`${turn}: ${(await chat.ask(turn).result()).text}`);
  }
  await chat.end();

  await client.generate({ prompt: "hi", sampling: { temperature: 9 } }).result();
} catch (error) {
  if (!(error instanceof ChimeraClientError)) throw error;
  console.log(`${error.code}: ${error.message}`);
  for (const { field, description } of error.fieldViolations) console.log(`  ${field}: ${description}`);
} finally {
  client.close();
}
