// Messages to the text the model was trained on, through the Jinja template of the manifest or of the GGUF file.
import { InvalidRequestError } from "@chimera/kernel";
import { Template } from "@huggingface/jinja";
import type { EngineMessage } from "../engine.ts";
import { ModelLoadError } from "./model-load-error.ts";

export interface ChatTemplate {
  /** Throws InvalidRequestError where the template refuses the conversation. */
  render(messages: readonly EngineMessage[]): string;
}

export interface TemplateTokens {
  bos: string;
  eos: string;
}

/** Throws ModelLoadError where the template itself is broken. */
export function compileChatTemplate(source: string, path: string, tokens: TemplateTokens): ChatTemplate {
  let template: Template;
  try {
    template = new Template(source);
  } catch (cause) {
    const remedy = "Serve the model through a manifest with a chatTemplate that parses";
    throw new ModelLoadError({ path, key: "tokenizer.chat_template", problem: "is not valid Jinja", remedy, cause });
  }
  return {
    render(messages) {
      try {
        return template.render({
          messages: messages.map(({ role, content }) => ({ role, content })),
          bos_token: tokens.bos,
          eos_token: tokens.eos,
          add_generation_prompt: true,
        });
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : "it can not be rendered";
        throw new InvalidRequestError([
          { field: "messages", description: `refused by the model's chat template: ${why}` },
        ]);
      }
    },
  };
}
