"""Steps of TRL's DPOTrainer or GRPOTrainer with PEFT on the processor; prints a line a step and a JSON line at the end.

usage: align.py dpo|grpo MODEL ROWS.jsonl [--dtype bf16|fp32] [--batch 4] [--steps 4] [--precompute 0|1]
                [--generations 8] [--max-completion 32]

Rows of prompt, chosen and rejected (dpo) or of prompt (grpo), in the order of the file. LoRA of rank 16, alpha 32, all linear layers, sdpa,
no checkpointing. --batch counts pairs or prompts. grpo generates by transformers; a completion's reward is its share of words with an e.
A step's seconds hold everything from its rows to its update; of dpo with --precompute 1 the reference's pass is told apart. TRL 1.16.0.
"""

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
os.environ.update(TQDM_DISABLE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_OFFLINE="1")
parser = argparse.ArgumentParser()
parser.add_argument("objective"), parser.add_argument("model"), parser.add_argument("rows")
for name, value in dict(dtype="bf16", batch=4, steps=4, precompute=0, generations=8, max_completion=32).items():
    parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
a = parser.parse_args()

import datasets
import torch
from peft import LoraConfig
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer

datasets.disable_progress_bars()
tokenizer = AutoTokenizer.from_pretrained(a.model)
model = AutoModelForCausalLM.from_pretrained(
    a.model, dtype=dict(bf16=torch.bfloat16, fp32=torch.float32)[a.dtype], attn_implementation="sdpa")
rows = [json.loads(line) for line in itertools.islice(open(a.rows), a.batch * a.steps)]
dpo = a.objective == "dpo"
keys = ("prompt", "chosen", "rejected") if dpo else ("prompt",)
data = datasets.Dataset.from_list([{k: r[k] for k in keys} for r in rows])
shared = dict(output_dir=tempfile.mkdtemp(), max_steps=a.steps, logging_steps=1, report_to=[], use_cpu=True, save_strategy="no", seed=0,
              bf16=a.dtype == "bf16", gradient_checkpointing=False, disable_tqdm=True, dataloader_pin_memory=False)
lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
times, tokens = [], []


def reward(completions, **_):
    return [sum("e" in w for w in c.split()) / max(1, len(c.split())) for c in completions]


class Clock(TrainerCallback):
    def on_step_begin(self, *_, **__):
        self.begin = time.perf_counter()

    def on_step_end(self, *_, **__):
        times.append(time.perf_counter() - self.begin)
        print(f"step {len(times)}  {times[-1]:.2f} s", flush=True)


begin = time.perf_counter()
if dpo:
    config = DPOConfig(per_device_train_batch_size=a.batch, learning_rate=1e-5, max_length=1024,
                       precompute_ref_log_probs=bool(a.precompute), **shared)
    trainer = DPOTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer, peft_config=lora, callbacks=[Clock()])
    trainer._get_train_sampler = lambda *_, **__: SequentialSampler(trainer.train_dataset)
    text = lambda r, k: len(tokenizer(r["prompt"] + r[k])["input_ids"]) + 1
    tokens = [sum(text(r, k) for r in rows[i:i + a.batch] for k in keys[1:]) for i in range(0, len(rows), a.batch)]
else:
    config = GRPOConfig(per_device_train_batch_size=a.batch * a.generations, num_generations=a.generations, learning_rate=1e-5,
                        max_completion_length=a.max_completion, **shared)
    trainer = GRPOTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer, reward_funcs=reward,
                          peft_config=lora, callbacks=[Clock()])
trainer.train()
if not dpo:
    lengths = [l["completions/mean_length"] for l in trainer.state.log_history if "completions/mean_length" in l]
    tokens = [n * a.batch * a.generations for n in lengths]
rate = [n / t for n, t in zip(tokens, times)][1:]
rss = next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps(dict(objective=a.objective, dtype=a.dtype, precompute=a.precompute, step_s=[round(t, 2) for t in times], tokens=tokens,
                      tokens_s=round(statistics.median(rate), 1), train_s=round(time.perf_counter() - begin, 1), peak_mb=rss)))
