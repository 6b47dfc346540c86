// Token ids to text, byte by byte. llama.cpp's own detokenizer drops spaces before punctuation for some vocabularies and turns
// half a character into U+FFFD; decoding the vocabulary here gives the exact text and waits for whole characters.

/** The part of a GGUF's tokenizer metadata that says what bytes a token stands for. */
export interface Vocabulary {
  /** "gpt2" (byte-level BPE) or "llama" (SentencePiece) are decoded here. */
  model: string;
  tokens: readonly string[];
  /** GGUF token types by id; absent means all normal. */
  tokenTypes: readonly number[] | undefined;
}

/** One answer's tokens to text, in order. */
export interface TokenDecoder {
  /** Text that is complete with this token; "" while a character is unfinished. */
  push(token: number): string;
}

const TYPE_UNKNOWN = 2;
const TYPE_CONTROL = 3;
const TYPE_USER_DEFINED = 4;
const TYPE_BYTE = 6;
const EMPTY = new Uint8Array(0);

/** The bytes of each token, computed once per token. Undefined for vocabularies with other rules. */
export function tokenBytesOf(vocabulary: Vocabulary): ((token: number) => Uint8Array) | undefined {
  const bytesOfText =
    vocabulary.model === "gpt2" ? byteLevelBytes : vocabulary.model === "llama" ? sentencePieceBytes : undefined;
  if (!bytesOfText) return undefined;
  // Bounded by the vocabulary.
  const known = new Map<number, Uint8Array>();
  return (token) => {
    let bytes = known.get(token);
    if (!bytes) {
      bytes = tokenBytes(vocabulary, token, bytesOfText);
      known.set(token, bytes);
    }
    return bytes;
  };
}

function tokenBytes(vocabulary: Vocabulary, token: number, bytesOfText: (text: string) => Uint8Array): Uint8Array {
  const text = vocabulary.tokens[token];
  if (text === undefined) return EMPTY;
  switch (vocabulary.tokenTypes?.[token]) {
    case TYPE_UNKNOWN:
    case TYPE_CONTROL:
      return EMPTY;
    case TYPE_USER_DEFINED:
      return Buffer.from(text, "utf8");
    case TYPE_BYTE:
      return Uint8Array.of(Number.parseInt(text.slice(1, -1), 16));
    default:
      return bytesOfText(text);
  }
}

function sentencePieceBytes(text: string): Uint8Array {
  return Buffer.from(text.replaceAll("\u2581", " "), "utf8");
}

/** GPT-2's table: printable Latin-1 bytes stand for themselves, the other 68 are the characters from U+0100 on, in byte order. */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = byteLevelTable();

function byteLevelTable(): Map<string, number> {
  const table = new Map<string, number>();
  let shifted = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    table.set(String.fromCharCode(isPrintable ? byte : shifted++), byte);
  }
  return table;
}

function byteLevelBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const byte = BYTE_OF_CHARACTER.get(character);
    if (byte === undefined) bytes.push(...Buffer.from(character, "utf8"));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** Exact bytes, whole characters. An answer that ends inside a character loses that character. */
export function byteDecoder(bytesOf: (token: number) => Uint8Array): TokenDecoder {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  return { push: (token) => utf8.decode(bytesOf(token), { stream: true }) };
}

/** A character has at most 4 bytes: after so many unfinished tokens the bytes are not text, and U+FFFD is the truth. */
const MAX_UNFINISHED_TOKENS = 4;

/** For other vocabularies: the model's detokenizer over a window, so that joins between tokens come out right. */
export function windowDecoder(detokenize: (tokens: readonly number[]) => string): TokenDecoder {
  let shown: number[] = [];
  let pending: number[] = [];
  return {
    push(token) {
      pending.push(token);
      const before = detokenize(shown);
      const text = detokenize([...shown, ...pending]);
      if (text.endsWith("\ufffd") && pending.length < MAX_UNFINISHED_TOKENS) return "";
      shown = pending;
      pending = [];
      return text.startsWith(before) ? text.slice(before.length) : text;
    },
  };
}
