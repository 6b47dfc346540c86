"""Checks of the pipeline that need no trained weights: `python3 -m unittest` in this folder."""
import hashlib
import os
import unittest

import torch

import gguf
import model as network
import tokenizer as bpe

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPE = dict(width=64, layers=1, heads=1, keyValueHeads=1, feedForward=96, context=64, ropeBase=10000, normEpsilon=1e-5)


def small_model(tokenizer):
    torch.manual_seed(3)
    return network.Model(network.Shape(vocabulary=len(tokenizer.tokens), **SHAPE)).eval()


class TokenizerTest(unittest.TestCase):
    tokenizer = bpe.load(os.path.join(HERE, 'vocabulary.json'))

    def test_gives_back_any_text(self):
        for text in ('hi . i , ok ?', ' two  blanks ', 'code 503 , 12 euro\n\n', "it's Größe 42 € 🙂", 'a_b\tc\r\n', ''):
            self.assertEqual(self.tokenizer.decode(self.tokenizer.encode(text)), text)

    def test_splits_digits_one_by_one(self):
        self.assertEqual(bpe.pieces('the api answers with 503'), ['the', ' api', ' answers', ' with', ' ', '5', '0', '3'])

    def test_keeps_labels_apart_from_what_stands_around_them(self):
        whole = self.tokenizer.encode('intent=refund priority=normal\n')
        parts = [self.tokenizer.encode(part) for part in ('intent=', 'refund', ' priority=', 'normal', '\n')]
        self.assertEqual(whole, sum(parts, []))


class ModelTest(unittest.TestCase):
    def test_predicts_from_the_past_only(self):
        net = small_model(TokenizerTest.tokenizer)
        a, b = torch.tensor([[1, 7, 9, 300]]), torch.tensor([[1, 7, 9, 301]])
        self.assertTrue(torch.equal(net(a)[:, :3], net(b)[:, :3]))
        self.assertFalse(torch.equal(net(a)[:, 3], net(b)[:, 3]))


class GgufTest(unittest.TestCase):
    def render(self, kind):
        tokenizer = TokenizerTest.tokenizer
        net = small_model(tokenizer)
        return gguf.render(gguf.metadata(net.shape, tokenizer, 'test', kind), gguf.tensors(net, kind)), net.shape

    def test_gives_the_same_bytes_twice(self):
        digests = {hashlib.sha256(self.render('q8_0')[0]).hexdigest() for _ in range(2)}
        self.assertEqual(len(digests), 1)

    def test_reads_back_what_it_wrote(self):
        raw, shape = self.render('f16')
        gguf.check(raw, shape)
        self.assertEqual(gguf.Reader(raw).fields()['llama.feed_forward_length'], 96)

    def test_refuses_a_file_that_contradicts_itself(self):
        raw, shape = self.render('q8_0')
        with self.assertRaises(AssertionError):
            gguf.check(raw.replace(b'smollm', b'gpt-2x'), shape)


if __name__ == '__main__':
    unittest.main()
