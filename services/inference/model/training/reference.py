"""What torch says to 50 prompts, for the parity test of the engine: `python3 reference.py CHECKPOINT.pt OUT.json`.
Per prompt: text, token ids, the best logits after it, the greedy answer and the lead of each of its tokens."""
import json
import os
import sys

import torch

import episodes
import model as network
import tokenizer as bpe

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPTS = 50
BEST = 8
LONGEST_ANSWER = 12
SEED = 99
PLAN = {
    'forms': {'plain': 0.2, 'kv': 0.7, 'json': 0.1}, 'tickets': 6, 'jargonWords': [4], 'jargonShares': [0.4], 'bareShare': 0,
    'terseShare': 0, 'retrievedShare': 0.3, 'shots': 4, 'history': 16, 'rarityPower': 6, 'labelNoise': 0,
}


def prompt_of(segments, shots):
    """The episode up to the ticket after `shots` solved ones."""
    ends = [i for i, (_, role) in enumerate(segments) if role == 'priority']
    asked = segments[:ends[min(shots, len(ends) - 1)]]
    while asked[-1][1] != 'prompt':
        asked = asked[:-1]
    return ''.join(text for text, _ in asked)


@torch.no_grad()
def answer(net, ids, newline):
    greedy, leads, best = [], [], None
    while len(greedy) < LONGEST_ANSWER and (not greedy or greedy[-1] not in (newline, bpe.EOS)):
        top = net(torch.tensor([ids + greedy]))[0, -1].topk(BEST)
        best = best or [[int(i), round(float(v), 5)] for i, v in zip(top.indices, top.values)]
        leads.append(round(float(top.values[0] - top.values[1]), 4))
        greedy.append(int(top.indices[0]))
    return {'top': best, 'greedy': greedy, 'margins': leads}


def main(checkpoint, out):
    torch.set_num_threads(1)
    net, _ = network.load(checkpoint)
    tokenizer = bpe.load(os.path.join(HERE, 'vocabulary.json'))
    newline = tokenizer.encode('\n')[0]
    rows = []
    for i, segments in enumerate(episodes.stream(PLAN, SEED, PROMPTS)):
        prompt = prompt_of(segments, i % 6)
        ids = [bpe.BOS] + tokenizer.encode(prompt)
        rows.append({'text': prompt, 'ids': ids, **answer(net, ids, newline)})
    with open(out, 'w', encoding='utf-8') as file:
        file.write('[\n' + ',\n'.join(json.dumps(row, separators=(',', ':')) for row in rows) + '\n]\n')
    print(f"{out}: {len(rows)} prompts, mean {sum(len(row['ids']) for row in rows) / len(rows):.0f} tokens")


if __name__ == '__main__':
    main(*sys.argv[1:3])
