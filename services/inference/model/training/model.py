"""The network llama.cpp knows as architecture `llama`: RMSNorm, rotary positions on interleaved pairs, grouped-query
attention, SwiGLU, tied embeddings. Its names are mapped to GGUF names in gguf.py."""
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


# Embeddings start wide, and the last norm narrow to make up for it in the logits. Input and output share them: from a
# narrow start, the optimiser's first steps, alike for all rare tokens, would drown what tells those tokens apart.
EMBEDDING_SPREAD = 0.5
FINAL_NORM = 0.1
# How strongly a head attends to its own content at the start, how far the heads of a group differ, how much is copied.
MATCH = 0.6
NOISE = 0.3
COPY = 0.7


@dataclass(frozen=True)
class Shape:
    vocabulary: int
    width: int
    layers: int
    heads: int
    keyValueHeads: int
    feedForward: int
    context: int
    ropeBase: float
    normEpsilon: float

    @property
    def headWidth(self):
        return self.width // self.heads


def rotate(x, cos, sin):
    """Turns neighbouring pairs, as llama.cpp does for this architecture: Q and K are exported without a permutation."""
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class Norm(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape.width))
        self.epsilon = shape.normEpsilon

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon) * self.weight


class Block(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        narrow = shape.keyValueHeads * shape.headWidth
        self.attentionNorm, self.feedForwardNorm = Norm(shape), Norm(shape)
        self.query, self.output = (nn.Linear(shape.width, shape.width, bias=False) for _ in range(2))
        self.key, self.value = (nn.Linear(shape.width, narrow, bias=False) for _ in range(2))
        self.gate, self.up = (nn.Linear(shape.width, shape.feedForward, bias=False) for _ in range(2))
        self.down = nn.Linear(shape.feedForward, shape.width, bias=False)

    def forward(self, x, cos, sin, mask):
        s, (batch, length, _) = self.shape, x.shape

        def heads(projected, count):
            return projected.view(batch, length, count, s.headWidth).transpose(1, 2)

        h = self.attentionNorm(x)
        q, k = rotate(heads(self.query(h), s.heads), cos, sin), rotate(heads(self.key(h), s.keyValueHeads), cos, sin)
        v = heads(self.value(h), s.keyValueHeads)
        if s.keyValueHeads < s.heads:
            k, v = (t.repeat_interleave(s.heads // s.keyValueHeads, 1) for t in (k, v))
        attention = ((q * s.headWidth ** -0.5) @ k.transpose(-1, -2) + mask).softmax(-1)
        x = x + self.output((attention @ v).transpose(1, 2).reshape(batch, length, s.width))
        h = self.feedForwardNorm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


@torch.no_grad()
def _start_as_lookup(block):
    """Attention starts out looking for positions that hold the same as the own one, and copying what stands there
    (the idea of mimetic initialisation, Trockman and Kolter 2023). Looking up a word's meaning in solved examples is then
    a matter of steps; from independent random matrices it did not appear at all within the budget."""
    s = block.shape
    per_group = s.heads // s.keyValueHeads
    for group in range(s.keyValueHeads):
        rows = slice(group * s.headWidth, (group + 1) * s.headWidth)
        for weight in (block.key.weight, block.value.weight):
            nn.init.orthogonal_(weight[rows])
        block.key.weight[rows] *= MATCH
        for head in range(group * per_group, (group + 1) * per_group):
            columns = slice(head * s.headWidth, (head + 1) * s.headWidth)
            block.query.weight[columns] = block.key.weight[rows] + torch.randn(s.headWidth, s.width) * (NOISE / math.sqrt(s.width))
            block.output.weight[:, columns] = block.value.weight[rows].t() * (COPY / per_group)


class Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList([Block(shape) for _ in range(shape.layers)])
        self.norm = Norm(shape)
        frequency = shape.ropeBase ** (-torch.arange(0, shape.headWidth, 2).float() / shape.headWidth)
        angle = torch.outer(torch.arange(shape.context).float(), frequency)
        self.register_buffer('cos', angle.cos(), persistent=False)
        self.register_buffer('sin', angle.sin(), persistent=False)
        self.register_buffer('mask', torch.full((shape.context, shape.context), float('-inf')).triu(1), persistent=False)
        self._initialise()

    def _initialise(self):
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, 0, 0.7 / math.sqrt(parameter.shape[1]))
        nn.init.normal_(self.embedding.weight, 0, EMBEDDING_SPREAD)
        nn.init.constant_(self.norm.weight, FINAL_NORM)
        for block in self.blocks:
            _start_as_lookup(block)
            # Keeps the residual stream at one scale however many blocks write into it.
            block.down.weight.data.div_(math.sqrt(2 * self.shape.layers))

    def hidden(self, tokens):
        length = tokens.shape[1]
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.cos[:length], self.sin[:length], self.mask[:length, :length])
        return self.norm(x)

    def logits(self, hidden):
        return hidden @ self.embedding.weight.t()

    def forward(self, tokens):
        return self.logits(self.hidden(tokens))


def save(path, model, facts):
    torch.save({'shape': vars(model.shape), 'weights': model.state_dict(), 'facts': facts}, path)


def load(path):
    checkpoint = torch.load(path, map_location='cpu')
    model = Model(Shape(**checkpoint['shape']))
    model.load_state_dict(checkpoint['weights'])
    return model.eval(), checkpoint['facts']
