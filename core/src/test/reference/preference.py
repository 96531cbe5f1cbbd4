"""Trains on preferences with TRL's trainers on a tiny Llama, and records losses, gradient norms and figures.

usage: preference.py OUT      reads OUT/llama/grouped-tied and OUT/peft/all-linear, writes OUT/preference/

TRL 1.16.0, transformers 5.24.0, PEFT 0.21.2, torch 2.15.0, on the processor in fp32. Rows are taken in file order. TRL rounds no
adapter here, as no base is quantised. ORPO puts a beginning-of-text token in front where a tokenizer has one, so it gets none.
"""

import json
import os
import random
import shutil
import sys

import torch
import trl
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, RewardConfig, RewardTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

BATCH, STEPS = 3, 4
WORDS = "seal pump valve reads leaks over the and of when pressure module 42 -7 é".split()
PAIRS = dict(rewards_chosen="rewards/chosen", rewards_rejected="rewards/rejected", margin="rewards/margins",
             accuracy="rewards/accuracies")
LABELS = dict(rewards_chosen="rewards/chosen", rewards_rejected="rewards/rejected", margin="rewards/margins", kl="kl")
REWARDS = dict(margin="margin", accuracy="accuracy")


def text(words, least, most):
    return " ".join(words.choice(WORDS) for _ in range(words.randint(least, most)))


def rows():
    words = random.Random(48)
    pairs = [dict(prompt=text(words, 2, 9) + " :", chosen=" " + text(words, 1, 7), rejected=" " + text(words, 1, 7),
                  gap=round(words.uniform(0, 2), 2)) for _ in range(9)]
    labelled = [dict(prompt=p["prompt"], completion=p["chosen"] if i % 3 else p["rejected"], label=bool(i % 3 and i != 7))
                for i, p in enumerate(pairs)]
    return pairs, labelled


def ordered(trainer):
    class Ordered(trainer):
        def _get_train_sampler(self, *a, **k):
            return SequentialSampler(self.train_dataset)
    return Ordered


def write_lines(path, rows):
    with open(path, "w", encoding="utf-8") as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False) + "\n")


class Maker:
    def __init__(self, out):
        self.model, self.adapter = f"{out}/llama/grouped-tied/model", f"{out}/peft/all-linear/adapter"
        self.out, self.cases = f"{out}/preference", {}
        self.pairs, self.labelled = rows()

    def causal(self, adapter=True):
        model = AutoModelForCausalLM.from_pretrained(self.model, dtype=torch.float32)
        return PeftModel.from_pretrained(model, self.adapter, is_trainable=True) if adapter else model

    def run(self, name, trainer, config, settings, model, data, figures, rate, flags, reference=None):
        tokenizer = AutoTokenizer.from_pretrained(self.model)
        if trainer is ORPOTrainer:
            tokenizer.bos_token = None
        args = config(output_dir="/tmp/preference", per_device_train_batch_size=BATCH, max_steps=STEPS, learning_rate=rate,
                      lr_scheduler_type="constant", warmup_steps=0, weight_decay=0.0, max_grad_norm=1.0, logging_steps=1,
                      report_to=[], bf16=False, use_cpu=True, gradient_checkpointing=False, save_strategy="no",
                      disable_tqdm=True, **settings)
        more = {} if reference is None else dict(ref_model=reference)
        made = ordered(trainer)(model=model, args=args, train_dataset=Dataset.from_list(data), processing_class=tokenizer, **more)
        self.before(made)
        made.train()
        log = [line for line in made.state.log_history if "grad_norm" in line]
        self.cases[name] = dict(settings=dict(flags, learning_rate=rate), loss=[line["loss"] for line in log],
                                grad_norm=[line["grad_norm"] for line in log],
                                **{key: [line.get(theirs) for line in log] for key, theirs in figures.items()})
        self.after(name, made)
        print(name, self.cases[name]["loss"], flush=True)

    def before(self, trainer):
        pass

    def after(self, name, trainer):
        pass

    def dpo(self, name, settings, flags, base=True, full=False, data=None, rate=4e-3):
        pairs = [{k: p[k] for k in ("prompt", "chosen", "rejected")} for p in self.pairs]
        start = dict(method="full") if full else dict(init_adapter="adapter", reference="base" if base else "init-adapter")
        self.run(name, DPOTrainer, DPOConfig, settings, self.causal(not full), data or pairs, PAIRS, rate,
                 dict(objective="dpo", **start, **flags), self.causal(False) if base else None)

    def all(self):
        os.makedirs(self.out, exist_ok=True)
        write_lines(f"{self.out}/pairs.jsonl", self.pairs)
        write_lines(f"{self.out}/labelled.jsonl", self.labelled)
        for loss in "sigmoid hinge ipo robust exo_pair nca_pair sppo_hard aot apo_zero apo_down".split():
            smoothing = {"label_smoothing": 0.1} if loss in ("robust", "exo_pair", "aot") else {}
            self.dpo(loss, dict(loss_type=loss, beta=0.2, **smoothing), dict(loss_type=loss, beta=0.2, **smoothing))
        self.dpo("sigmoid-sft", dict(loss_type=["sigmoid", "sft"], loss_weights=[1.0, 0.7]), dict(rpo_alpha=0.7))
        self.dpo("init-adapter", {}, {}, base=False)
        self.dpo("truncated", dict(max_length=14), dict(max_length=14, truncate=True))
        self.dpo("full", {}, {}, full=True, rate=1e-3)
        whole = [dict(chosen=p["prompt"] + p["chosen"], rejected=p["prompt"] + p["rejected"]) for p in self.pairs]
        self.dpo("implicit-prompt", {}, {}, data=whole)
        write_lines(f"{self.out}/whole.jsonl", whole)
        self.run("kto", KTOTrainer, KTOConfig, dict(desirable_weight=1.3, undesirable_weight=0.9), self.causal(), self.labelled,
                 LABELS, 6e-3, dict(objective="kto", init_adapter="adapter", reference="base", desirable_weight=1.3,
                                    undesirable_weight=0.9), self.causal(False))
        pairs = [{k: p[k] for k in ("prompt", "chosen", "rejected")} for p in self.pairs]
        self.run("orpo", ORPOTrainer, ORPOConfig, dict(beta=0.3), self.causal(), pairs, PAIRS, 4e-3,
                 dict(objective="orpo", beta=0.3, init_adapter="adapter"))
        self.run("orpo-full", ORPOTrainer, ORPOConfig, {}, self.causal(False), pairs, PAIRS, 1e-3,
                 dict(objective="orpo", method="full"))
        self.rewards(pairs)
        with open(f"{self.out}/expected.json", "w") as f:
            json.dump(dict(trl=trl.__version__, cases=self.cases), f, indent=1)

    def rewards(self, pairs):
        def judge():
            torch.manual_seed(48)
            return AutoModelForSequenceClassification.from_pretrained(self.model, dtype=torch.float32, num_labels=1)
        adapter = f"{self.out}/reward-adapter"
        shutil.rmtree(adapter, ignore_errors=True)
        model = get_peft_model(judge(), LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=8, target_modules="all-linear"))
        with torch.no_grad():
            for key, weight in model.named_parameters():
                if "lora_B" in key:
                    weight.normal_(0, 0.2)
                if "modules_to_save" in key:
                    weight.normal_(0, 0.3)
        model.save_pretrained(adapter)
        os.remove(f"{adapter}/README.md")
        for name, data, settings, flags in (
                ("reward", pairs, {}, {}),
                ("reward-margin", [dict(p, margin=q["gap"]) for p, q in zip(pairs, self.pairs)],
                 dict(center_rewards_coefficient=0.05), dict(margin_column="gap", center_rewards=0.05))):
            start = PeftModel.from_pretrained(judge(), adapter, is_trainable=True)
            self.run(name, RewardTrainer, RewardConfig, settings, start, data, REWARDS, 1e-3,
                     dict(objective="reward", init_adapter="reward-adapter", **flags))


if __name__ == "__main__":
    Maker(sys.argv[1]).all()
