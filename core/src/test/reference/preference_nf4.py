"""Trains on preferences with TRL's trainers on a tiny Llama in NF4, and records losses, gradient norms, figures and the
adapter after four steps (the first four numbers of each tensor).

usage: preference_nf4.py OUT      reads OUT/train-nf4/nested-bf16 and the rows of OUT/preference, writes OUT/preference/nf4/

Versions of preference.py, with bitsandbytes 0.50.2 and accelerate 1.15.0 beside them. TRL rounds an adapter to bf16 where the base is quantised
(DPO, KTO): it gets its fp32 numbers back before the first step. NF4 layers stay in train mode, as in train20_nf4.py; there is no dropout.
The tokenizer has a token a word, since the model has 131.
"""

import os
import shutil
import sys
import tempfile

import bitsandbytes
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from common import SPECIALS, write_json
from preference import LABELS, PAIRS, WORDS, Maker
from train20_nf4 import quantised

bitsandbytes.nn.Linear4bit.train = lambda self, mode=True: torch.nn.Module.train(self, True)


def tokenizer():
    words = SPECIALS + [" :"] + [w for word in WORDS for w in (word, " " + word)]
    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<pad>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(" ?[^ ]+"), "isolated")
    made.decoder = decoders.Fuse()
    return made


class Nf4Maker(Maker):
    def __init__(self, out, model):
        super().__init__(out)
        self.model, self.adapter, self.out = model, f"{out}/train-nf4/nested-bf16/init", f"{out}/preference/nf4"
        self.start = load_file(f"{self.adapter}/adapter_model.safetensors")

    def causal(self, adapter=True):
        model = quantised(self.model, True)
        return PeftModel.from_pretrained(model, self.adapter, is_trainable=True) if adapter else model

    def trained(self, trainer):
        for name, parameter in trainer.model.named_parameters():
            if parameter.requires_grad:
                yield name.replace(".default", ""), parameter

    def before(self, trainer):
        for name, parameter in self.trained(trainer):
            parameter.data = self.start[name].clone()
        assert len(dict(self.trained(trainer))) == len(self.start)

    def after(self, name, trainer):
        self.cases[name]["trained"] = {n: p.data.flatten()[:4].tolist() for n, p in self.trained(trainer)}

    def all(self):
        pairs = [{k: p[k] for k in ("prompt", "chosen", "rejected")} for p in self.pairs]
        self.dpo("dpo", dict(beta=0.2), dict(beta=0.2))
        self.run("kto", KTOTrainer, KTOConfig, {}, self.causal(), self.labelled, LABELS, 4e-3,
                 dict(objective="kto", init_adapter="adapter", reference="base"), self.causal(False))
        self.run("orpo", ORPOTrainer, ORPOConfig, {}, self.causal(), pairs, PAIRS, 4e-3,
                 dict(objective="orpo", init_adapter="adapter"))
        write_json(f"{self.out}/expected.json", dict(cases=self.cases))


def main(out):
    folder = f"{out}/preference/nf4"
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as model:
        shutil.copytree(f"{out}/train-nf4/nested-bf16/model", model, dirs_exist_ok=True)
        os.makedirs(folder)
        tokenizer().save(f"{folder}/tokenizer.json")
        shutil.copy(f"{out}/tokenizer/plain/tokenizer_config.json", folder)
        shutil.copytree(folder, model, dirs_exist_ok=True)
        assert len(AutoTokenizer.from_pretrained(model)) <= 131
        Nf4Maker(out, model).all()


main(sys.argv[1])
