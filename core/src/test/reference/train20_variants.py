"""Trains variants of LoRA for 20 steps on the tiny Llamas: the loss and gradient norm of each step, and the adapter where it began.

usage: train20_variants.py OUT      reads OUT/llama and OUT/train-nf4, writes OUT/train-variants/<name>/

PEFT 0.21.2, torch 2.15, transformers 5.24, bitsandbytes 0.50. `start`: PEFT's own A and B of `init_lora_weights`, which changes the base, so
there is no adapter to begin with and the test makes the start itself. Weight decay acts on all that trains (LoRA+: not on biases).
"""

import shutil
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.optimizers import create_loraplus_optimizer

import train20
from common import load, write_json, write_rows
from peft_adapter import randomise, save, sorted_targets
from train20 import BATCH, STEPS, WEIGHT_DECAY, token_rows
from train20_nf4 import quantised

CASES = {
    # Biases, odd sizes, a rank and an alpha of their own.
    "dora": dict(model="biased-sharded", seed=4, config=dict(
        r=4, lora_alpha=6, use_rslora=True, use_dora=True, target_modules="all-linear", rank_pattern={"v_proj": 7}, alpha_pattern={"up_proj": 3})),
    "dora-plus": dict(model="grouped-tied", seed=5, ratio=8, config=dict(
        r=4, lora_alpha=8, use_dora=True, target_modules=["q_proj", "down_proj"])),
    "lora-bias": dict(model="biased-sharded", seed=6, config=dict(r=4, lora_alpha=10, lora_bias=True, target_modules="all-linear")),
    "lora-bias-plus": dict(model="grouped-tied", seed=7, ratio=8, config=dict(
        r=4, lora_alpha=10, lora_bias=True, target_modules=["q_proj", "up_proj"])),
    "pissa": dict(model="biased-sharded", seed=8, start=True, config=dict(
        r=5, lora_alpha=8, init_lora_weights="pissa", target_modules=["q_proj", "v_proj", "down_proj"])),
    "olora": dict(model="grouped-tied", seed=9, start=True, config=dict(
        r=4, lora_alpha=8, use_rslora=True, init_lora_weights="olora", target_modules="all-linear")),
    "dora-nf4": dict(nf4="plain-biased", seed=10, config=dict(r=4, lora_alpha=8, use_dora=True, target_modules="all-linear")),
}
RATE = 2e-3
CLIP = 1.0


def base(out, spec):
    if "nf4" in spec:
        return quantised(f"{out}/train-nf4/{spec['nf4']}/model", False).train()
    return load(f"{out}/llama/{spec['model']}/model")


def train(model, rows, ratio):
    parameters = [p for p in model.parameters() if p.requires_grad]
    if ratio:
        optimizer = create_loraplus_optimizer(model, torch.optim.AdamW, lr=RATE, loraplus_lr_ratio=ratio,
                                              loraplus_weight_decay=WEIGHT_DECAY, betas=(0.9, 0.999), eps=1e-8)
    else:
        optimizer = torch.optim.AdamW(parameters, lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=WEIGHT_DECAY, foreach=False)
    history = {"losses": [], "grad_norms": [], "tokens": [], "trained_tokens": []}
    for _, batch in zip(range(STEPS), train20.batches(rows)):
        trained = sum(len(r["ids"]) - r["first_trained"] for r in batch)
        total = 0.0
        for row in batch:
            loss, _ = train20.row_loss(model, row)
            (loss / trained).backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        optimizer.zero_grad()
        history["losses"].append(total / trained)
        history["grad_norms"].append(norm.item())
        history["tokens"].append(sum(len(r["ids"]) for r in batch))
        history["trained_tokens"].append(trained)
    return history


def one(out, name, spec):
    folder = f"{out}/train-variants/{name}"
    torch.manual_seed(spec["seed"])
    model = get_peft_model(base(out, spec), LoraConfig(task_type="CAUSAL_LM", **spec["config"]))
    rows = token_rows(spec["seed"], model.config.vocab_size)
    write_rows(f"{folder}/rows.jsonl", rows)
    if not spec.get("start"):
        randomise(model, spec["seed"], b_std=0.1)
        save(model, f"{folder}/init", name)
        sorted_targets(f"{folder}/init")
        model = PeftModel.from_pretrained(base(out, spec), f"{folder}/init", is_trainable=True)
        model = model.train() if "nf4" in spec else model
    history = train(model, rows, spec.get("ratio"))
    write_json(f"{folder}/expected.json", {
        "model": spec.get("model", spec.get("nf4")), "nf4": "nf4" in spec, "config": spec["config"],
        "settings": {"batch_size": BATCH, "steps": STEPS, "learning_rate": RATE, "weight_decay": WEIGHT_DECAY, "max_grad_norm": CLIP,
                     "lora_plus": spec.get("ratio")},
        **history})
    print(f"{name}: loss {history['losses'][0]:.4f} to {history['losses'][-1]:.4f}")


def main(out):
    shutil.rmtree(f"{out}/train-variants", ignore_errors=True)
    for name, spec in CASES.items():
        one(out, name, spec)


if __name__ == "__main__":
    main(sys.argv[1])
