"""Trains the byte-level BPE tokenizer of the tiny models on generated text.

usage: tiny_tokenizer.py OUT      writes OUT/tokenizer/{plain,bos,bos-eos}/{tokenizer.json,tokenizer_config.json}
"""

import random
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from common import SPECIALS, VOCAB, sentence, write_json


def build():
    rng = random.Random(7)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB,
        special_tokens=SPECIALS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([sentence(rng, 5, 30) for _ in range(400)], trainer)
    assert tokenizer.get_vocab_size() == VOCAB
    return tokenizer


def main(out):
    tokenizer = build()
    for name, single, pair in (
        ("plain", "$A", "$A $B:1"),
        ("bos", "<s> $A", "<s> $A <s>:1 $B:1"),
        ("bos-eos", "<s> $A </s>", "<s> $A </s> <s>:1 $B:1 </s>:1"),
    ):
        if name != "plain":
            tokenizer.post_processor = processors.TemplateProcessing(
                single=single, pair=pair, special_tokens=[("<s>", 0), ("</s>", 1)]
            )
        write_json(f"{out}/tokenizer/{name}/tokenizer_config.json", {
            "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>",
            "model_max_length": 1000000000000000019884624838656, "tokenizer_class": "PreTrainedTokenizerFast",
        })
        tokenizer.save(f"{out}/tokenizer/{name}/tokenizer.json")


if __name__ == "__main__":
    main(sys.argv[1])
