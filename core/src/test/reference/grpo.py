"""Trains on groups of completions with TRL's GRPOTrainer on a tiny Llama, and records losses, gradient norms and figures.

usage: grpo.py OUT      reads OUT/llama/grouped-tied and OUT/peft/all-linear, writes OUT/preference/grpo/

TRL 1.16.0, transformers 5.24.0, PEFT 0.21.2, torch 2.15.0, on the processor in fp32. TRL samples nothing here: completions and rewards are
given, by `rollout_func`. Rows are taken in file order; a step has three prompts of four completions, in one micro-batch.
"""

import json
import os
import random
import sys

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"

import torch
import trl
from datasets import Dataset
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

PROMPTS, GROUP, STEPS = 3, 4, 4
WORDS = "seal pump valve reads leaks over the and of when pressure module 42 -7 é".split()
FIGURES = dict(reward="reward", reward_std="reward_std", completion_tokens="completions/mean_length", kl="kl",
               clip_ratio="clip_ratio/region_mean", constant_groups="frac_reward_zero_std")


def text(words, least, most):
    return " ".join(words.choice(WORDS) for _ in range(words.randint(least, most)))


def rows(seed=48, count=9, constant=(4,)):
    words = random.Random(seed)
    made = []
    for i in range(count):
        rewards = [round(words.uniform(-1, 2), 2) for _ in range(GROUP)]
        if i in constant:
            rewards = [0.5] * GROUP
        made.append(dict(prompt=text(words, 2, 9) + f" {i} :", completions=[" " + text(words, 1, 7) for _ in range(GROUP)],
                         rewards=rewards, finished=[words.random() < 0.7 for _ in range(GROUP)]))
    return made


class Maker:
    def __init__(self, out):
        self.model, self.adapter = f"{out}/llama/grouped-tied/model", f"{out}/peft/all-linear/adapter"
        self.out, self.cases, self.rows = f"{out}/preference/grpo", {}, rows()
        self.constant = rows(64, 8, (0, 3, 4))  # the first and the last group of a step

    def causal(self, adapter=True):
        model = AutoModelForCausalLM.from_pretrained(self.model, dtype=torch.float32)
        return PeftModel.from_pretrained(model, self.adapter, is_trainable=True) if adapter else model

    def run(self, name, settings, flags, base=False, rate=4e-3, given_rows=None, prompts_a_step=PROMPTS):
        given_rows = given_rows or self.rows
        tokenizer = AutoTokenizer.from_pretrained(self.model)
        groups, given = {row["prompt"]: row for row in given_rows}, []

        def rollout(prompts, trainer):
            given.clear()
            turns, asked, completed = {}, [], []
            for prompt in prompts:
                row = groups[prompt]
                i = turns[prompt] = turns.get(prompt, -1) + 1
                before = tokenizer(prompt)["input_ids"]
                ids = tokenizer(prompt + row["completions"][i])["input_ids"] + [tokenizer.eos_token_id] * row["finished"][i]
                at = next((k for k, (a, b) in enumerate(zip(before, ids)) if a != b), len(before))
                asked.append(ids[:at])
                completed.append(ids[at:])
                given.append(row["rewards"][i])
            return dict(prompt_ids=asked, completion_ids=completed, logprobs=[[0.0] * len(ids) for ids in completed])

        args = GRPOConfig(output_dir="/tmp/grpo", per_device_train_batch_size=prompts_a_step * GROUP, num_generations=GROUP, max_steps=STEPS,
                          learning_rate=rate, lr_scheduler_type="constant", warmup_steps=0, weight_decay=0.0, max_grad_norm=1.0,
                          logging_steps=1, report_to=[], bf16=False, use_cpu=True, gradient_checkpointing=False, save_strategy="no",
                          disable_tqdm=True, shuffle_dataset=False, **settings)
        made = GRPOTrainer(model=self.causal(), args=args, train_dataset=Dataset.from_list([dict(prompt=r["prompt"]) for r in given_rows]),
                           processing_class=tokenizer, reward_funcs=lambda **_: list(given), rollout_func=rollout)
        if base:
            with torch.no_grad():
                ref = [p for k, p in made.model.named_parameters() if "lora_B.ref" in k]
                assert ref
                for weight in ref:
                    weight.zero_()
        dropped = [m for m in made.model.modules() if isinstance(m, torch.nn.Dropout) and m.p > 0]
        assert not dropped, dropped
        start = {k: v.clone() for k, v in made.model.state_dict().items() if "lora_" in k and "ref" not in k}
        assert all(v.dtype == torch.float32 for v in start.values())
        made.train()
        log = [line for line in made.state.log_history if "grad_norm" in line]
        made.model.save_pretrained("/tmp/grpo-adapter")
        trained = load_file("/tmp/grpo-adapter/adapter_model.safetensors")
        probes = {k: trained[k].flatten()[:4].tolist() for k in sorted(trained)[:3] + sorted(trained)[-3:]}
        figures = {ours: [line.get(theirs) for line in log] for ours, theirs in FIGURES.items()}
        self.cases[name] = dict(settings=dict(flags, learning_rate=rate), loss=[line["loss"] for line in log],
                                grad_norm=[line["grad_norm"] for line in log], trained=probes,
                                **{k: v for k, v in figures.items() if any(x is not None for x in v)})
        print(name, self.cases[name], flush=True)

    def all(self):
        os.makedirs(self.out, exist_ok=True)
        for name, made in (("groups", self.rows), ("constant", self.constant)):
            with open(f"{self.out}/{name}.jsonl", "w", encoding="utf-8") as f:
                for row in made:
                    f.write(json.dumps(row, ensure_ascii=False) + "\n")
        for loss in "dapo grpo dr_grpo bnpo".split():
            self.run(loss, dict(loss_type=loss, max_completion_length=20), dict(loss_type=loss, max_completion=20))
        self.run("batch-scaled", dict(scale_rewards="batch", beta=0.0), dict(scale_rewards="batch"))
        self.run("unscaled", dict(scale_rewards="none"), dict(scale_rewards="none"))
        self.run("kl", dict(beta=0.3), dict(beta=0.3))
        self.run("kl-base", dict(beta=0.2, loss_type="grpo"), dict(beta=0.2, loss_type="grpo", reference="base"), base=True)
        self.run("iterations", dict(num_iterations=2, epsilon=0.05, beta=0.1), dict(iterations=2, epsilon=0.05, beta=0.1), rate=2e-2)
        self.run("clipped", dict(num_iterations=4, epsilon=0.02, loss_type="grpo"), dict(iterations=4, epsilon=0.02, loss_type="grpo"), rate=2e-2)
        self.run("warm", dict(temperature=0.7, beta=0.1), dict(temperature=0.7, beta=0.1))
        twice, more = dict(num_iterations=2, epsilon=0.05), dict(iterations=2, epsilon=0.05, batch_size=4)
        for name, settings in (("bnpo-constant", dict(loss_type="bnpo")), ("kl-constant", dict(beta=0.04))):
            self.run(name, dict(twice, **settings), dict(more, **settings), rate=2e-2, given_rows=self.constant, prompts_a_step=4)
        with open(f"{self.out}/expected.json", "w") as f:
            json.dump(dict(trl=trl.__version__, cases=self.cases), f, indent=1)


Maker(sys.argv[1]).all()
