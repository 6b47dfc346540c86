"""Byte-level BPE as llama.cpp runs it for a GGUF with tokenizer model `gpt2` and pre-tokenizer `smollm`: digits stand
alone, and decoding gives back every byte. `python3 tokenizer.py OUT.json` builds the vocabulary from training episodes."""
import collections
import json
import re
import sys

import episodes

SPECIALS = ['<|unk|>', '<|bos|>', '<|endoftext|>', '<|pad|>']  # ids 0..3
UNK, BOS, EOS, PAD = range(4)
DIGIT = re.compile(r'([0-9])')
WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def pieces(text):
    """The stretches of text inside which merges are sought."""
    return [piece for part in DIGIT.split(text) for piece in ([part] if DIGIT.fullmatch(part) else WORD.findall(part))]


def _byte_characters():
    # GPT-2's printable stand-ins: visible bytes stand for themselves, the other 68 get characters from 256 on.
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {**{byte: chr(byte) for byte in visible}, **{byte: chr(256 + i) for i, byte in enumerate(hidden)}}


CHARACTER_OF = _byte_characters()
BYTE_OF = {character: byte for byte, character in CHARACTER_OF.items()}


def symbols(piece):
    return tuple(CHARACTER_OF[byte] for byte in piece.encode())


def join_pair(parts, left, right):
    out, i = [], 0
    while i < len(parts):
        if parts[i:i + 2] == (left, right):
            out.append(left + right)
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return tuple(out)


def build(counts, size):
    """Merges the most frequent pair until the vocabulary has `size` tokens; equal counts are settled by the text itself."""
    words = {symbols(piece): count for piece, count in counts.items()}
    tokens, merges = SPECIALS + [CHARACTER_OF[byte] for byte in sorted(CHARACTER_OF)], []
    while len(tokens) < size:
        pairs = collections.Counter()
        for parts, count in words.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += count
        left, right = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append((left, right))
        if left + right not in tokens:
            tokens.append(left + right)
        merged = collections.Counter()
        for parts, count in words.items():
            merged[join_pair(parts, left, right)] += count
        words = merged
    return {'tokens': tokens, 'merges': merges}


class Tokenizer:
    def __init__(self, vocabulary):
        self.tokens = vocabulary['tokens']
        self.merges = [tuple(merge) for merge in vocabulary['merges']]
        self._id = {token: i for i, token in enumerate(self.tokens)}
        self._rank = {merge: i for i, merge in enumerate(self.merges)}
        self._known = {}

    def _encode_piece(self, piece):
        if piece not in self._known:
            parts = symbols(piece)
            while True:
                ranked = [(self._rank[pair], pair) for pair in zip(parts, parts[1:]) if pair in self._rank]
                if not ranked:
                    break
                parts = join_pair(parts, *min(ranked)[1])
            self._known[piece] = [self._id[part] for part in parts]
        return self._known[piece]

    def encode(self, text):
        return [i for piece in pieces(text) for i in self._encode_piece(piece)]

    def decode(self, ids):
        return bytes(BYTE_OF[c] for i in ids if i >= len(SPECIALS) for c in self.tokens[i]).decode('utf-8', 'replace')


def load(path):
    with open(path, encoding='utf-8') as file:
        return Tokenizer(json.load(file))


def main(config_path, out):
    with open(config_path, encoding='utf-8') as file:
        config = json.load(file)
    counts = collections.Counter()
    for segments in episodes.stream(config['plan'], config['seed'], config['episodes']):
        counts.update(pieces(''.join(text for text, _ in segments)))
    words = episodes.jargon()
    for word in words:  # frequent enough for a token of its own, whether trained or held out
        counts[' ' + word] = config['jargonCount']
    vocabulary = build(counts, config['tokens'])
    tokenizer = Tokenizer(vocabulary)
    assert all(len(tokenizer.encode(' ' + word)) == 1 for word in words), 'a jargon word is split: raise jargonCount'
    with open(out, 'w', encoding='utf-8') as file:
        json.dump(vocabulary, file, ensure_ascii=True, separators=(',', ':'))
        file.write('\n')
    total = sum(counts.values()) - len(words) * config['jargonCount']
    spread = sum(len(tokenizer.encode(piece)) * n for piece, n in counts.items() if piece[1:] not in words)
    print(f"{out}: {len(tokenizer.tokens)} tokens, {len(tokenizer.merges)} merges, {spread / total:.3f} tokens per word")


if __name__ == '__main__':
    main(*sys.argv[1:3])
