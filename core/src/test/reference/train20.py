"""Trains LoRA adapters for 20 steps on the tiny Llamas: the loss and gradient norm of each step and the final adapter.

usage: train20.py OUT      reads OUT/llama and OUT/tokenizer, writes OUT/train/<name>/
"""

import random
import shutil
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer

from common import load, row_loss, row_tokens, sentence, write_json, write_rows
from peft_adapter import save, sorted_targets

ROWS, BATCH, STEPS, WEIGHT_DECAY = 21, 8, 20, 0.05

CASES = {
    # B starts at 0, as PEFT draws it; every step is clipped.
    "grouped-tied": dict(model="grouped-tied", seed=1, text=True, b_std=0.0, learning_rate=1e-2, max_grad_norm=1.0, config=dict(
        r=4, lora_alpha=8, target_modules="all-linear")),
    # Biases, odd sizes, no tokenizer; B away from 0; some steps are clipped and some are not.
    "biased-sharded": dict(model="biased-sharded", seed=2, text=False, b_std=0.1, learning_rate=5e-3, max_grad_norm=1.3, config=dict(
        r=6, lora_alpha=9, target_modules="all-linear")),
    # Scaled rope, some modules only, rsLoRA.
    "llama3-rope": dict(model="llama3-rope", seed=3, text=True, b_std=0.1, learning_rate=3e-3, max_grad_norm=1.0, config=dict(
        r=5, lora_alpha=12, use_rslora=True, target_modules=["q_proj", "v_proj", "o_proj", "down_proj"])),
}


def text_rows(seed):
    """Prompts of 1 to 40 words; the texts are generated, so a tiny model can learn only their letters."""
    rng = random.Random(seed)
    rows = []
    for i in range(ROWS):
        completion = sentence(rng, 1, 9)
        if i % 5 == 4:  # no space: a token may straddle the boundary
            rows.append({"prompt": sentence(rng, 1, 12) + " unde", "completion": "r" + " " + completion})
        else:
            rows.append({"prompt": sentence(rng, 1, 40 if i % 7 == 0 else 10), "completion": " " + completion})
    return rows


def token_rows(seed, vocab):
    rng = random.Random(seed)
    rows = []
    for i in range(ROWS):
        n = rng.randint(2, 30) if i % 6 else rng.randint(60, 120)
        rows.append({"ids": [rng.randrange(vocab) for _ in range(n)], "first_trained": rng.randint(1, n - 1)})
    rows[3]["first_trained"] = 1
    return rows


def batches(rows):
    """File order; an epoch is ceil(rows / batch) steps, its last one short."""
    while True:
        for start in range(0, len(rows), BATCH):
            yield rows[start : start + BATCH]


def train(model, rows, learning_rate, max_grad_norm):
    names = [n for n, p in model.named_parameters() if p.requires_grad]
    assert names and all(".lora_" in n for n in names)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=WEIGHT_DECAY, foreach=False)
    history = {"losses": [], "grad_norms": [], "tokens": [], "trained_tokens": []}
    for _, batch in zip(range(STEPS), batches(rows)):
        trained = sum(len(r["ids"]) - r["first_trained"] for r in batch)
        total = 0.0
        for row in batch:
            loss, _ = row_loss(model, row)
            (loss / trained).backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(parameters, max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        history["losses"].append(total / trained)
        history["grad_norms"].append(norm.item())
        history["tokens"].append(sum(len(r["ids"]) for r in batch))
        history["trained_tokens"].append(trained)
    return history


@torch.no_grad()
def score(model, rows):
    return [-row_loss(model, row)[0].item() for row in rows]


def trainable(base, adapter, dtype):
    # PEFT keeps adapters in float32 unless told otherwise.
    model = PeftModel.from_pretrained(load(base, dtype), adapter, is_trainable=True, autocast_adapter_dtype=False)
    return model.to(dtype)


def one(out, name, spec):
    folder, base = f"{out}/train/{name}", f"{out}/llama/{spec['model']}/model"
    torch.manual_seed(spec["seed"])
    model = get_peft_model(load(base), LoraConfig(task_type="CAUSAL_LM", **spec["config"]))
    g = torch.Generator().manual_seed(spec["seed"])
    with torch.no_grad():
        for n, p in model.named_parameters():
            if ".lora_B." in n:
                p.copy_(spec["b_std"] * torch.randn(p.shape, generator=g))
    save(model, f"{folder}/init", spec["model"])
    sorted_targets(f"{folder}/init")

    if spec["text"]:
        texts = text_rows(spec["seed"])
        tokenizer = Tokenizer.from_file(f"{out}/tokenizer/plain/tokenizer.json")
        rows = [row_tokens(tokenizer, r["prompt"], r["completion"], 1) for r in texts]
        rows = [{"ids": r["ids"], "first_trained": r["first_trained"]} for r in rows]
    else:
        rows = token_rows(spec["seed"], load(base).config.vocab_size)
    write_rows(f"{folder}/rows.jsonl", rows)

    exact = trainable(base, f"{folder}/init", torch.float64)
    history64 = train(exact, rows, spec["learning_rate"], spec["max_grad_norm"])
    model = trainable(base, f"{folder}/init", torch.float32)
    before = score(model, rows)
    history = train(model, rows, spec["learning_rate"], spec["max_grad_norm"])
    after = score(model, rows)
    save(model, f"{folder}/final", spec["model"])
    sorted_targets(f"{folder}/final")
    gap = max(abs(a - b) / b for a, b in zip(history["losses"], history64["losses"]))
    norm_gap = max(abs(a - b) / b for a, b in zip(history["grad_norms"], history64["grad_norms"]))
    clipped = sum(n > spec["max_grad_norm"] for n in history["grad_norms"])
    write_json(f"{folder}/expected.json", {
        "model": spec["model"],
        "settings": {"batch_size": BATCH, "steps": STEPS, "learning_rate": spec["learning_rate"], "schedule": "constant", "warmup": 0,
                     "weight_decay": WEIGHT_DECAY, "max_grad_norm": spec["max_grad_norm"], "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
                     "dropout": 0.0, "shuffle": False},
        **history, "losses_fp64": history64["losses"], "grad_norms_fp64": history64["grad_norms"],
        "score_before": before, "score_after": after})
    print(f"{name}: rows of {min(len(r['ids']) for r in rows)} to {max(len(r['ids']) for r in rows)} tokens, loss {history['losses'][0]:.4f} to "
          f"{history['losses'][-1]:.4f}, {clipped} of {STEPS} steps clipped, fp32 - fp64 {gap:.1e} (loss) {norm_gap:.1e} (norm)")


def main(out):
    shutil.rmtree(f"{out}/train", ignore_errors=True)
    for name, spec in CASES.items():
        one(out, name, spec)


if __name__ == "__main__":
    main(sys.argv[1])
