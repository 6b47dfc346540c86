// Counts the server-sent events of an OpenAI stream that carry text, across chunks that may cut an event in two.

export class TextEvents {
  /** Events with text so far. */
  count = 0;
  /** The stream said that it is whole. */
  isDone = false;
  #rest = "";

  push(chunk: string): void {
    const events = (this.#rest + chunk).split("\n\n");
    this.#rest = events.pop() ?? "";
    for (const event of events) this.#read(event);
  }

  #read(event: string): void {
    const data = event.replace(/^data: /, "").trim();
    if (data === "[DONE]") this.isDone = true;
    else if (hasText(data)) this.count += 1;
  }
}

function hasText(data: string): boolean {
  if (!data.startsWith("{")) return false;
  const parsed: { choices?: { delta?: { content?: string | null } }[] } = JSON.parse(data);
  return Boolean(parsed.choices?.[0]?.delta?.content);
}
