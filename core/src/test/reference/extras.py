"""Trains what an adapter holds beside A and B of the layers, with PEFT: whole modules, A and B on the embedding and the head,
rows of tokens, on tied and untied models, with and without a vocabulary that has grown.

usage: extras.py OUT      writes OUT/extras/
"""

import os
import random
import shutil
import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from common import logits, row_loss, write_json, write_rows
from peft_adapter import sorted_targets

VOCAB, NEW, STEPS, BATCH = 40, 3, 8, 4

SIZES = dict(
    vocab_size=VOCAB, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=4, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)

MODELS = {
    "untied": dict(model_type="llama", tie_word_embeddings=False, **SIZES),
    "tied": dict(model_type="llama", tie_word_embeddings=True, **SIZES),
    # vectors are scaled, norms are 1 + w, logits are capped
    "scaled": dict(
        model_type="gemma2", tie_word_embeddings=True, sliding_window=8, query_pre_attn_scalar=4, hidden_activation="gelu_pytorch_tanh",
        **SIZES),
}

BOTH = ["embed_tokens", "lm_head"]
GROWN = [VOCAB, VOCAB + 1, VOCAB + 2]
CASES = {
    "save-embedding": dict(modules_to_save=["embed_tokens"]),
    "save-head": dict(modules_to_save=["lm_head"]),
    "save-both": dict(modules_to_save=BOTH),
    "save-tied": dict(modules_to_save=BOTH, ensure_weight_tying=True),
    "save-norms-and-layer": dict(modules_to_save=["norm", "v_proj"]),
    "save-grown": dict(modules_to_save=BOTH, grow=True),
    "lora-embedding": dict(target_modules=["q_proj", "embed_tokens"]),
    "lora-head": dict(target_modules=["q_proj", "lm_head"]),
    "lora-both": dict(target_modules=["q_proj", *BOTH]),
    "lora-tied": dict(target_modules=["q_proj", "embed_tokens"], ensure_weight_tying=True),
    "tokens": dict(trainable_token_indices=[7, 3, 4]),
    "tokens-both": dict(trainable_token_indices={"embed_tokens": [3, 4, 7], "lm_head": [3, 4, 7]}),
    "tokens-apart": dict(trainable_token_indices={"embed_tokens": [3, 4], "lm_head": [7]}),
    "tokens-grown": dict(trainable_token_indices=GROWN, grow=True),
    "tokens-grown-both": dict(trainable_token_indices={"embed_tokens": GROWN, "lm_head": GROWN}, grow=True),
}


def base(out, name):
    folder = f"{out}/extras/{name}/model"
    if not os.path.exists(folder):
        config = dict(MODELS[name])
        torch.manual_seed(sorted(MODELS).index(name))
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(config.pop("model_type"), **config))
        with torch.no_grad():
            for n, p in model.named_parameters():
                p.copy_(torch.randn(p.shape) * (0.3 if p.dim() == 2 else 0.1) + (1.0 if p.dim() == 1 and name != "scaled" else 0.0))
        model.save_pretrained(folder)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval(), folder


def rows(seed, vocab):
    rng = random.Random(seed)
    all = []
    for i in range(2 * BATCH + 1):
        n = rng.randint(5, 20)
        all.append({"ids": [rng.randrange(3, vocab) for _ in range(n)], "first_trained": rng.randint(1, n - 2)})
        if i % 3 == 0:
            all[-1]["ids"][1] = 0  # the padding token, whose vector gets no gradient as an input
    return all


def batches(all):
    while True:
        for start in range(0, len(all), BATCH):
            yield all[start : start + BATCH]


def train(model, all, learning_rate):
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0, foreach=False)
    history = {"losses": [], "grad_norms": [], "tokens": [], "trained_tokens": []}
    for _, batch in zip(range(STEPS), batches(all)):
        trained = sum(len(r["ids"]) - r["first_trained"] for r in batch)
        total = 0.0
        for row in batch:
            loss, _ = row_loss(model, row)
            (loss / trained).backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        history["losses"].append(total / trained)
        history["grad_norms"].append(norm.item())
        history["tokens"].append(sum(len(r["ids"]) for r in batch))
        history["trained_tokens"].append(trained)
    return history


def case(out, name, key, spec, seed):
    spec = dict(spec)
    grow = spec.pop("grow", False)
    model, _ = base(out, name)
    if grow:
        torch.manual_seed(900)
        model.resize_token_embeddings(VOCAB + NEW, mean_resizing=False)
    torch.manual_seed(seed)
    config = dict(r=3, lora_alpha=6, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(model, LoraConfig(**{**config, **spec}))
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for n, p in model.named_parameters():
            if ".lora_B." in n or ".lora_embedding_A." in n:
                p.copy_(0.1 * torch.randn(p.shape, generator=g))
    if grow:  # such a model can only be told from its base where its sizes are saved
        for c in model.peft_config.values():
            c.base_model_name_or_path = None
    folder = f"{out}/extras/{name}/{key}"
    all = rows(seed, VOCAB + (NEW if grow else 0))
    write_rows(f"{folder}/rows.jsonl", all)
    probe = all[0]["ids"] + all[1]["ids"]
    embeddings = True if grow else "auto"

    def keep(where):
        for c in model.peft_config.values():
            c.base_model_name_or_path = None
        model.save_pretrained(where, save_embedding_layers=embeddings)
        os.remove(f"{where}/README.md")
        sorted_targets(where)

    keep(f"{folder}/init")
    before = logits(model, probe)
    history = train(model, all, 5e-3)
    keep(f"{folder}/final")
    after = logits(model, probe)
    write_json(f"{folder}/expected.json", {
        "settings": {"steps": STEPS, "batch_size": BATCH, "learning_rate": 5e-3, "weight_decay": 0.0, "max_grad_norm": 1.0},
        **history,
        "probe": probe,
        "before": [round(v, 7) for v in before.flatten().tolist()],
        "after": [round(v, 7) for v in after.flatten().tolist()],
    })
    print(name, key, history["losses"][0], history["losses"][-1])


def main(out):
    shutil.rmtree(f"{out}/extras", ignore_errors=True)
    for name in MODELS:
        for i, (key, spec) in enumerate(CASES.items()):
            if name == "untied" and key.endswith("-tied"):
                continue
            if name == "scaled" and key not in ("save-both", "save-tied", "save-norms-and-layer", "lora-both", "tokens", "tokens-grown"):
                continue
            case(out, name, key, spec, 300 + i)


if __name__ == "__main__":
    main(sys.argv[1])
