"""Trains all weights of the tiny Llamas for 20 steps: the loss and gradient norm of each step, and sums over the final tensors.

usage: train20_full.py OUT      reads OUT/llama and OUT/train, writes OUT/train-full/<name>/

torch 2.15.0, transformers 5.24.0. The rows are those of train20.py. Decay is on matrices alone, as nudge's is.
"""

import json
import shutil
import sys

import torch

from common import load, row_loss, write_json
from train20 import BATCH, STEPS, batches

CASES = {
    # tied without a bias, untied with biases, untied without; every step is clipped, some, none
    "grouped-tied": dict(learning_rate=3e-3, max_grad_norm=1.0, weight_decay=0.1),
    "biased-sharded": dict(learning_rate=2e-3, max_grad_norm=2.5, weight_decay=0.05),
    "llama3-rope": dict(learning_rate=1e-3, max_grad_norm=0.0, weight_decay=0.0),
}


def train(model, rows, learning_rate, max_grad_norm, weight_decay):
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [dict(params=matrices, weight_decay=weight_decay), dict(params=vectors, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, foreach=False)
    history = {"losses": [], "grad_norms": [], "tokens": [], "trained_tokens": []}
    for _, batch in zip(range(STEPS), batches(rows)):
        trained = sum(len(r["ids"]) - r["first_trained"] for r in batch)
        total = 0.0
        for row in batch:
            loss, _ = row_loss(model, row)
            (loss / trained).backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm or float("inf"))
        optimizer.step()
        optimizer.zero_grad()
        history["losses"].append(total / trained)
        history["grad_norms"].append(norm.item())
        history["tokens"].append(sum(len(r["ids"]) for r in batch))
        history["trained_tokens"].append(trained)
    return history


def sums(model):
    """name → sum and sum of magnitudes, each tensor once."""
    return {n: [p.double().sum().item(), p.double().abs().sum().item()] for n, p in model.named_parameters()}


def one(out, name, spec):
    base = f"{out}/llama/{name}/model"
    with open(f"{out}/train/{name}/rows.jsonl", encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    history64 = train(load(base, torch.float64), rows, **spec)
    model = load(base)
    history = train(model, rows, **spec)
    gap = max(abs(a - b) / b for a, b in zip(history["losses"], history64["losses"]))
    clipped = sum(0 < spec["max_grad_norm"] < n for n in history["grad_norms"])
    write_json(f"{out}/train-full/{name}/expected.json", {
        "model": name, "settings": {"batch_size": BATCH, "steps": STEPS, "schedule": "constant", "warmup": 0, "shuffle": False, **spec},
        **history, "losses_fp64": history64["losses"], "final": sums(model)})
    print(f"{name}: loss {history['losses'][0]:.4f} to {history['losses'][-1]:.4f}, {clipped} of {STEPS} steps clipped, fp32 - fp64 {gap:.1e}")


def main(out):
    shutil.rmtree(f"{out}/train-full", ignore_errors=True)
    for name, spec in CASES.items():
        one(out, name, spec)


if __name__ == "__main__":
    main(sys.argv[1])
