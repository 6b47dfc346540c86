"""Writes a checkpoint as a GGUF file llama.cpp loads: `python3 gguf.py CHECKPOINT.pt OUT.gguf [q8_0|f16]`. The same
checkpoint gives the same bytes. What is written is read back and checked, because llama.cpp aborts on some missing keys
and answers nonsense without others."""
import hashlib
import os
import struct
import sys

import numpy as np

import tokenizer as bpe

HERE = os.path.dirname(os.path.abspath(__file__))
ALIGNMENT = 32
BLOCK = 32  # values that share one scale in Q8_0
FILE_TYPE = {'f16': 1, 'q8_0': 7}
F32_TENSOR, F16_TENSOR, Q8_0_TENSOR = 0, 1, 8
U32, I32, FLOAT, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
SCALARS = {U32: '<I', I32: '<i', FLOAT: '<f', BOOL: '<?'}
UNKNOWN_TOKEN, CONTROL_TOKEN, NORMAL_TOKEN = 2, 3, 1
BLOCK_TENSORS = {
    'attentionNorm.weight': 'attn_norm', 'feedForwardNorm.weight': 'ffn_norm', 'query.weight': 'attn_q', 'key.weight': 'attn_k',
    'value.weight': 'attn_v', 'output.weight': 'attn_output', 'gate.weight': 'ffn_gate', 'up.weight': 'ffn_up', 'down.weight': 'ffn_down',
}


def metadata(shape, tokenizer, name, kind):
    """[(key, type, value)] in file order."""
    tokens = tokenizer.tokens
    types = [UNKNOWN_TOKEN] + [CONTROL_TOKEN] * (len(bpe.SPECIALS) - 1) + [NORMAL_TOKEN] * (len(tokens) - len(bpe.SPECIALS))
    with open(os.path.join(HERE, 'chat-template.jinja'), encoding='utf-8') as file:
        template = file.read().strip()
    return [
        ('general.architecture', STRING, 'llama'),
        ('general.name', STRING, name),
        ('general.license', STRING, 'apache-2.0'),
        ('general.file_type', U32, FILE_TYPE[kind]),
        ('llama.context_length', U32, shape.context),
        ('llama.embedding_length', U32, shape.width),
        ('llama.block_count', U32, shape.layers),
        ('llama.feed_forward_length', U32, shape.feedForward),
        ('llama.attention.head_count', U32, shape.heads),
        ('llama.attention.head_count_kv', U32, shape.keyValueHeads),
        ('llama.attention.layer_norm_rms_epsilon', FLOAT, shape.normEpsilon),
        ('llama.rope.freq_base', FLOAT, float(shape.ropeBase)),
        ('llama.rope.dimension_count', U32, shape.headWidth),
        ('llama.vocab_size', U32, shape.vocabulary),
        ('tokenizer.ggml.model', STRING, 'gpt2'),
        ('tokenizer.ggml.pre', STRING, 'smollm'),
        ('tokenizer.ggml.tokens', ARRAY, (STRING, tokens)),
        ('tokenizer.ggml.token_type', ARRAY, (I32, types)),
        ('tokenizer.ggml.merges', ARRAY, (STRING, [' '.join(merge) for merge in tokenizer.merges])),
        ('tokenizer.ggml.bos_token_id', U32, bpe.BOS),
        ('tokenizer.ggml.eos_token_id', U32, bpe.EOS),
        ('tokenizer.ggml.unknown_token_id', U32, bpe.UNK),
        ('tokenizer.ggml.padding_token_id', U32, bpe.PAD),
        ('tokenizer.ggml.add_bos_token', BOOL, True),
        ('tokenizer.chat_template', STRING, template),
    ]


def tensors(net, kind):
    """[(name, rows-first shape, tensor type, bytes)]. The output matrix is the embedding and is left out on purpose."""
    weights = {name: value.numpy() for name, value in net.state_dict().items()}
    pairs = [('embedding.weight', 'token_embd.weight'), ('norm.weight', 'output_norm.weight')]
    pairs += [(f'blocks.{i}.{ours}', f'blk.{i}.{theirs}.weight') for i in range(net.shape.layers) for ours, theirs in BLOCK_TENSORS.items()]
    assert {ours for ours, _ in pairs} == set(weights), 'the checkpoint has other tensors than this exporter knows'
    return [(theirs, weights[ours].shape, *encode(weights[ours], kind)) for ours, theirs in pairs]


def encode(values, kind):
    values = np.ascontiguousarray(values, '<f4')
    if values.ndim == 1:  # norms stay exact: they cost nothing
        return F32_TENSOR, values.tobytes()
    if kind == 'f16':
        return F16_TENSOR, values.astype('<f2').tobytes()
    assert values.shape[-1] % BLOCK == 0, f'Q8_0 rows must be a multiple of {BLOCK}'
    rows = values.reshape(-1, BLOCK)
    scale = np.abs(rows).max(1) / 127
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    blocks = np.zeros(len(rows), dtype=[('scale', '<f2'), ('values', 'i1', BLOCK)])
    blocks['scale'] = scale
    blocks['values'] = np.rint(rows * inverse[:, None])
    return Q8_0_TENSOR, blocks.tobytes()


def text(value):
    raw = value.encode('utf-8')
    return struct.pack('<Q', len(raw)) + raw


def pack(kind, value):
    if kind == STRING:
        return text(value)
    if kind == ARRAY:
        item, values = value
        return struct.pack('<IQ', item, len(values)) + b''.join(pack(item, one) for one in values)
    return struct.pack(SCALARS[kind], value)


def padded(raw):
    return raw + b'\0' * (-len(raw) % ALIGNMENT)


def render(fields, parts):
    head = b'GGUF' + struct.pack('<IQQ', 3, len(parts), len(fields))
    head += b''.join(text(key) + struct.pack('<I', kind) + pack(kind, value) for key, kind, value in fields)
    offset, data = 0, b''
    for name, shape, tensor_type, raw in parts:
        head += text(name) + struct.pack('<I', len(shape)) + b''.join(struct.pack('<Q', n) for n in reversed(shape))
        head += struct.pack('<IQ', tensor_type, offset)
        data += padded(raw)
        offset = len(data)
    return padded(head) + data


class Reader:
    """Just enough of a GGUF reader to check what was written, field by field."""

    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def take(self, form):
        (value,) = struct.unpack_from(form, self.raw, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        size = self.take('<Q')
        self.at += size
        return self.raw[self.at - size:self.at].decode('utf-8')

    def value(self, kind):
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            item, count = self.take('<I'), self.take('<Q')
            return item, [self.value(item) for _ in range(count)]
        return self.take(SCALARS[kind])

    def fields(self):
        assert self.raw[:4] == b'GGUF', 'not a GGUF file'
        self.at = 4
        version, _, count = self.take('<I'), self.take('<Q'), self.take('<Q')
        assert version == 3, f'GGUF version {version}'
        return {key: self.value(kind) for key, kind in ((self.text(), self.take('<I')) for _ in range(count))}


def check(raw, shape):
    """Raises AssertionError where a key is missing or two keys contradict each other."""
    fields = Reader(raw).fields()
    tokens, types, merges = (fields[f'tokenizer.ggml.{key}'][1] for key in ('tokens', 'token_type', 'merges'))
    assert len(tokens) == len(types) == len(set(tokens)) == fields['llama.vocab_size'], 'the vocabulary does not add up'
    assert all(''.join(merge.split(' ')) in tokens for merge in merges), 'a merge makes no token'
    assert tokens[fields['tokenizer.ggml.eos_token_id']] == '<|endoftext|>', 'llama.cpp knows the end of text by its name'
    assert tokens[fields['tokenizer.ggml.bos_token_id']] == '<|bos|>'
    assert fields['tokenizer.ggml.pre'] == 'smollm', 'any other pre-tokenizer splits text differently'
    assert fields['llama.embedding_length'] == shape.heads * shape.headWidth == fields['llama.attention.head_count'] * fields['llama.rope.dimension_count']
    assert fields['llama.attention.head_count'] % fields['llama.attention.head_count_kv'] == 0
    assert fields['llama.feed_forward_length'] == shape.feedForward and fields['llama.block_count'] == shape.layers
    assert '### labels' in fields['tokenizer.chat_template'], 'the chat template is not the trained form'


def main(checkpoint, out, kind='q8_0'):
    import model
    net, _ = model.load(checkpoint)
    tokenizer = bpe.load(os.path.join(HERE, 'vocabulary.json'))
    name = os.path.basename(out).removesuffix('.gguf').removesuffix(f".{kind}")
    raw = render(metadata(net.shape, tokenizer, name, kind), tensors(net, kind))
    check(raw, net.shape)
    with open(out, 'wb') as file:
        file.write(raw)
    print(f'{out}: {len(raw)} bytes, sha256 {hashlib.sha256(raw).hexdigest()}')


if __name__ == '__main__':
    main(*sys.argv[1:4])
