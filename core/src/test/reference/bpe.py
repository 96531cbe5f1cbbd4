"""Trains byte-level BPE with the tokenizers library on generated text and writes what it learned.

usage: bpe.py OUT      writes OUT/bpe.json: texts, and for two sizes the tokens by id and the merges
"""

import json
import random
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from common import sentence, write_json

END = "<|endoftext|>"
EXTRA = [
    "it's we'll they're I'd DON'T 12 1234567 3.14 -7e+5",
    "aaaaaaa aaaa aa abababab\tab\n\n\nab   ab    ",
    "é漢字漢字 😀😀😀 ñandú Ωμέγα\u00a0\u2028x\u3000y",
    "(a) [b] {c} <d> --- ... ;;; \"quoted\" 'single'",
]


def train(texts, size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    vocab = tokenizer.get_vocab()
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return {
        "asked": size,
        "tokens": sorted(vocab, key=vocab.get),
        "merges": [" ".join(pair) for pair in merges],
    }


def main(out):
    rng = random.Random(11)
    texts = [sentence(rng, 5, 30) for _ in range(120)] + [rng.choice(EXTRA) for _ in range(30)] + EXTRA
    write_json(f"{out}/bpe.json", {"texts": texts, "trained": [train(texts, 330), train(texts, 4000)]})


if __name__ == "__main__":
    main(sys.argv[1])
