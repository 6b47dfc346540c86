"""Trains one model as its configuration says: `python3 train.py CONFIG.json OUT_FOLDER`. Budgets are steps, not time, and
every random draw is seeded. A stage whose checkpoint lies in OUT_FOLDER is not repeated."""
import itertools
import json
import os
import random
import sys
import time

import torch
import torch.nn.functional as F

import episodes
import model as network
import tokenizer as bpe

ROLES = ('prompt', 'form', 'intent', 'jargon', 'guess', 'priority')
SCORED = ('intent', 'jargon', 'priority')
BATCHES_PER_SORT = 8
STEPS_PER_REPORT = 50
STEPS_PER_CHECKPOINT = 200
SMOOTHING = 0.98


def encode(tokenizer, segments, limit):
    """(token ids, role number per id), BOS first, EOS last where there is room."""
    ids, roles = [bpe.BOS], [0]
    for text, role in segments:
        part = tokenizer.encode(text)
        ids += part
        roles += [ROLES.index(role)] * len(part)
        if len(ids) > limit:
            break
    return (ids + [bpe.EOS])[:limit + 1], (roles + [0])[:limit + 1]


def batches(tokenizer, source, seed):
    """Endless batches (ids, roles, real) of about `batchTokens` tokens; episodes of like length stand together."""
    order, size = random.Random(seed), max(1, source['batchTokens'] // source['maxTokens'])
    stream = itertools.chain.from_iterable(episodes.stream(source['plan'], seed + i, 20_000) for i in itertools.count())
    encoded = (encode(tokenizer, segments, source['maxTokens']) for segments in stream)
    while True:
        pool = sorted(itertools.islice(encoded, size * BATCHES_PER_SORT), key=lambda pair: len(pair[0]))
        groups, group = [], []
        for episode in pool:  # shorter episodes make wider batches
            if group and len(episode[0]) * (len(group) + 1) > source['batchTokens'] + source['maxTokens'] // 2:
                groups.append(group)
                group = []
            group.append(episode)
        groups.append(group)
        order.shuffle(groups)
        for group in groups:
            longest = max(len(ids) for ids, _ in group)
            pad = [longest - len(ids) for ids, _ in group]
            yield (torch.tensor([ids + [bpe.PAD] * n for (ids, _), n in zip(group, pad)]),
                   torch.tensor([roles + [-1] * n for (_, roles), n in zip(group, pad)]))


def learning_rate(stage, step):
    """Linear from the peak to the final rate over `decaySteps`, after a short warm-up; a stage may end before."""
    warm = min(1.0, (step + 1) / stage['warmupSteps'])
    return warm * (stage['peakRate'] + (stage['finalRate'] - stage['peakRate']) * step / stage['decaySteps'])


def step_loss(net, batch, config, generator):
    """(weighted loss, {role: share predicted right}). Of the prompt only a sample of positions is scored, to save time."""
    ids, roles = batch
    targets, roles = ids[:, 1:].reshape(-1), roles[:, 1:].reshape(-1)
    kept = (roles > 0) | ((roles == 0) & (torch.rand(roles.shape, generator=generator) < config['promptSample']))
    targets, roles = targets[kept], roles[kept]
    logits = net.logits(net.hidden(ids[:, :-1]).flatten(0, 1)[kept])
    weights = torch.tensor([config['lossWeights'][role] for role in ROLES])[roles]
    weights = torch.where(roles == 0, weights / config['promptSample'], weights)
    losses = F.cross_entropy(logits, targets, reduction='none')
    with torch.no_grad():
        right = (logits.argmax(-1) == targets).float()
        shares = {role: right[roles == ROLES.index(role)].mean().item() for role in SCORED if (roles == ROLES.index(role)).any()}
    return (losses * weights).sum() / weights.sum(), shares


def run_stage(net, tokenizer, config, index, out):
    stage = config['stages'][index]
    steps = sum(phase['steps'] for phase in stage['phases'])
    shared = net.embedding.weight
    groups = [{'params': [shared], 'scale': config['embeddingRate']}, {'params': [p for p in net.parameters() if p is not shared], 'scale': 1}]
    optimiser = torch.optim.AdamW(groups, lr=stage['peakRate'], betas=tuple(config['betas']), weight_decay=config['weightDecay'])
    generator = torch.Generator().manual_seed(config['seed'] + index)
    chooser = random.Random(config['seed'] + index)
    started, cpu, tokens, step, smooth = time.time(), time.process_time(), 0, 0, {}
    for number, phase in enumerate(stage['phases']):
        sources = [batches(tokenizer, {**source, 'plan': {**config['plan'], **source['plan']}}, config['seed'] + 1000 * index + 100 * number + 10_000 * i)
                   for i, source in enumerate(phase['sources'])]
        shares = [source['share'] for source in phase['sources']]
        for _ in range(phase['steps']):
            batch = next(chooser.choices(sources, shares)[0])
            for group in optimiser.param_groups:
                group['lr'] = group['scale'] * learning_rate(stage, step)
            loss, right = step_loss(net, batch, {**config, **stage}, generator)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), config['clip'])
            optimiser.step()
            step, tokens = step + 1, tokens + batch[0].numel()
            for role, share in [*right.items(), ('loss', loss.item())]:
                smooth[role] = SMOOTHING * smooth.get(role, share) + (1 - SMOOTHING) * share
            if step % STEPS_PER_REPORT == 0 or step == steps:
                figures = ' '.join(f'{role} {share:.3f}' for role, share in smooth.items())
                print(f"stage {index + 1} step {step}/{steps} {figures} tokens {tokens} cpu {time.process_time() - cpu:.0f} s "
                      f"wall {time.time() - started:.0f} s", flush=True)
            if step % STEPS_PER_CHECKPOINT == 0:
                network.save(os.path.join(out, 'latest.pt'), net, {'stage': index + 1, 'step': step})
        for source in sources:
            source.close()
    return {'steps': step, 'tokens': tokens, 'cpuSeconds': round(time.process_time() - cpu)}


def main(config_path, out):
    torch.set_num_threads(1)
    with open(config_path, encoding='utf-8') as file:
        config = json.load(file)
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(config['seed'])
    tokenizer = bpe.load(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'vocabulary.json'))
    net = network.Model(network.Shape(vocabulary=len(tokenizer.tokens), **config['shape']))
    print(f"{config['name']}: {sum(p.numel() for p in net.parameters())} parameters", flush=True)
    facts = []
    for index in range(len(config['stages'])):
        path = os.path.join(out, f'stage{index + 1}.pt')
        if os.path.exists(path):
            net, facts = network.load(path)
            net.train()
            continue
        facts = [*facts, run_stage(net, tokenizer, config, index, out)]
        network.save(path, net, facts)
    print(json.dumps(facts))


if __name__ == '__main__':
    main(*sys.argv[1:3])
