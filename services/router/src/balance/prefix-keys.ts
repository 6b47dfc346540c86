// Names the beginnings of a prompt: one key after each block of its text, made from that block and everything before it. Two
// prompts share a key where they begin with the same text, and an engine that computed one of them may still hold that part.

/** What a router knows of a prompt. Keys are for one model: its replicas alone can share what they computed. */
export interface PromptText {
  messages: readonly { role: number; content: string }[];
  prompt: string;
}

const MAX_BLOCKS = 64;
const BLOCK_CHARACTERS = 256;
/** English text in common vocabularies. */
const CHARACTERS_PER_TOKEN = 4;
/** So many blocks are of that size. */
const EQUAL_BLOCKS = 24;
/** The end of the last block: longer prompts are refused, so no text lies behind it. */
const LONGEST_CHARACTERS = 512 * 1024;

/**
 * Characters from the beginning to the end of each block. Later blocks grow with what lies before them (by 12 %), so that 64 of
 * them reach the end of any prompt, and each is a like share of it.
 */
const BLOCK_ENDS: readonly number[] = blockEnds();

/** From the shortest beginning to the longest, at most 64. Text behind the last whole block has no key. */
export function prefixKeys({ messages, prompt }: PromptText): number[] {
  const keys = new KeyChain();
  if (messages.length === 0) keys.add(prompt);
  for (const { role, content } of messages) {
    // No text contains it, so a message can not pass for two.
    keys.add(`\u0000${role}\u0000`);
    keys.add(content);
  }
  return keys.made;
}

/** What share of a prompt with `keys` keys its first `held` blocks are. Where the text ends behind its last key is not known; the middle is taken. */
export function heldShare(held: number, keys: number): number {
  if (held <= 0) return 0;
  const lastEnd = BLOCK_ENDS[keys - 1] ?? LONGEST_CHARACTERS;
  const middle = (lastEnd + (BLOCK_ENDS[keys] ?? lastEnd)) / 2;
  return (BLOCK_ENDS[held - 1] ?? lastEnd) / middle;
}

/** About how many tokens of text the block at an index is, at 4 characters each. */
export function blockTokens(index: number): number {
  return ((BLOCK_ENDS[index] ?? 0) - (BLOCK_ENDS[index - 1] ?? 0)) / CHARACTERS_PER_TOKEN;
}

function blockEnds(): number[] {
  const equalEnd = EQUAL_BLOCKS * BLOCK_CHARACTERS;
  const growth = (LONGEST_CHARACTERS / equalEnd) ** (1 / (MAX_BLOCKS - EQUAL_BLOCKS));
  return Array.from({ length: MAX_BLOCKS }, (_, i) =>
    i < EQUAL_BLOCKS ? (i + 1) * BLOCK_CHARACTERS : Math.round(equalEnd * growth ** (i + 1 - EQUAL_BLOCKS)),
  );
}

/**
 * Two lanes after FNV-1a (Fowler, Noll, Vo), over pairs of UTF-16 units and with a multiplier each; the second also mixes its high
 * bits down, which a multiplication never does. Not for secrets.
 */
class KeyChain {
  readonly made: number[] = [];
  #characters = 0;
  #a = 0x811c9dc5;
  #b = 0x9747b28c;

  add(text: string): void {
    let at = 0;
    while (at < text.length) {
      const blockEnd = BLOCK_ENDS[this.made.length];
      if (blockEnd === undefined) return;
      const end = Math.min(text.length, at + blockEnd - this.#characters);
      this.#mix(text, at, end);
      this.#characters += end - at;
      at = end;
      if (this.#characters === blockEnd) this.made.push(this.#key());
    }
  }

  #mix(text: string, from: number, to: number): void {
    let a = this.#a;
    let b = this.#b;
    let i = from;
    for (; i + 1 < to; i += 2) {
      const pair = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16);
      a = Math.imul(a ^ pair, 0x01000193);
      b = Math.imul(b ^ pair ^ (b >>> 15), 0x5bd1e995);
    }
    if (i < to) {
      a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
      b = Math.imul(b ^ text.charCodeAt(i) ^ (b >>> 15), 0x5bd1e995);
    }
    this.#a = a;
    this.#b = b;
  }

  /** 53 bits, exact in a number. */
  #key(): number {
    return (finalised(this.#b) >>> 11) * 2 ** 32 + finalised(this.#a);
  }
}

/** The finaliser of MurmurHash3 (Appleby 2011): every bit of the lane reaches every bit of the key. */
function finalised(lane: number): number {
  let h = lane ^ (lane >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
