"""Loads an adapter that nudge saved with PEFT and compares: its log-probabilities with those of `nudge score`, its files with what PEFT writes.

usage: peft_loads_ours.py MODEL ADAPTER DATA.jsonl SCORES.jsonl [tolerance, 1e-3]

DATA has prompt + completion or text rows, all of them good ones. SCORES is the standard output of
`nudge score --model MODEL --adapter ADAPTER --data DATA.jsonl --compute fp32`. Prints what differs, the worst deviation last; exit 0 where all holds.
"""

import json
import os
import shutil
import sys
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from tokenizers import Tokenizer

from common import load, read_json, row_loss, row_tokens
from peft_adapter import listing, save

# Where PEFT's own config differs from ours by design, and what it takes from the moment of saving.
FREE = {"base_model_name_or_path", "peft_version", "target_modules", "revision"}


def end_token(folder, tokenizer):
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        path = f"{folder}/{name}"
        token = read_json(path).get("eos_token") if os.path.exists(path) else None
        if token:
            return tokenizer.token_to_id(token["content"] if isinstance(token, dict) else token)
    eos = read_json(f"{folder}/config.json")["eos_token_id"]
    return eos[0] if isinstance(eos, list) else eos


def json_lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def rewritten(model_dir, adapter):
    """What PEFT writes after loading the same adapter."""
    folder = tempfile.mkdtemp()
    try:
        model = PeftModel.from_pretrained(load(model_dir), adapter)
        save(model, folder, "base")
        theirs = load_file(f"{folder}/adapter_model.safetensors")
        return listing(folder), read_json(f"{folder}/adapter_config.json"), theirs
    finally:
        shutil.rmtree(folder)


def fresh(model_dir, config):
    """What PEFT writes for a new adapter of the same settings."""
    folder = tempfile.mkdtemp()
    try:
        keys = "r lora_alpha use_rslora target_modules exclude_modules rank_pattern alpha_pattern layers_to_transform layers_pattern".split()
        model = get_peft_model(load(model_dir), LoraConfig(task_type="CAUSAL_LM", **{k: config[k] for k in keys if config.get(k) is not None}))
        save(model, folder, "base")
        return listing(folder)
    finally:
        shutil.rmtree(folder)


def main(model_dir, adapter, data, scores, tolerance=1e-3):
    wrong = []
    ours, config = listing(adapter), read_json(f"{adapter}/adapter_config.json")
    again, their_config, their_tensors = rewritten(model_dir, adapter)
    by_name = lambda l: {t["name"]: (t["dtype"], t["shape"]) for t in l["tensors"]}
    for label, other in (("rewritten by PEFT", again), ("a new adapter of PEFT", fresh(model_dir, config))):
        a, b = by_name(ours), by_name(other)
        wrong += [f"{n}: ours {a.get(n)}, {label} {b.get(n)}" for n in sorted(a.keys() | b.keys()) if a.get(n) != b.get(n)]
    wrong += [f"metadata {ours['metadata']}, PEFT's {again['metadata']}"] if ours["metadata"] != again["metadata"] else []
    wrong += [f"{k}: not a key of PEFT" for k in config if k not in their_config]
    wrong += [f"{k}: {config[k]!r}, PEFT writes {their_config[k]!r}" for k in config if k in their_config and k not in FREE and config[k] != their_config[k]]
    asked = lambda c: sorted(c["target_modules"]) if isinstance(c["target_modules"], list) else c["target_modules"]
    wrong += [f"target_modules: {asked(config)}, PEFT writes {asked(their_config)}"] if asked(config) != asked(their_config) else []
    wrong += [f"{n}: values changed" for n, v in load_file(f"{adapter}/adapter_model.safetensors").items() if n in their_tensors and not torch.equal(v.float(), their_tensors[n].float())]

    tokenizer = Tokenizer.from_file(f"{model_dir}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    eos_id = end_token(model_dir, tokenizer)
    rows = json_lines(data)
    rows = [row_tokens(tokenizer, *((r["prompt"], r["completion"]) if "completion" in r else ("", r["text"])), eos_id) for r in rows]
    got = {s["index"]: s for s in json_lines(scores) if "logprob" in s and "index" in s}
    if sorted(got) != list(range(len(rows))):
        wrong.append(f"{len(rows)} rows, scores of {len(got)}")
    base, model = load(model_dir), PeftModel.from_pretrained(load(model_dir), adapter).eval()
    worst = change = 0.0
    with torch.no_grad():
        for i, row in enumerate(rows):
            if i not in got:
                continue
            loss, tokens = row_loss(model, row)
            deviation = abs(got[i]["logprob"] + loss.item()) / max(1, loss.item())
            change = max(change, abs(row_loss(base, row)[0].item() - loss.item()))
            worst = max(worst, deviation)
            if deviation > tolerance:
                wrong.append(f"row {i}: nudge {got[i]['logprob']:.6f}, PEFT {-loss.item():.6f}")
            if got[i]["tokens"] != tokens:
                wrong.append(f"row {i}: nudge {got[i]['tokens']} tokens, PEFT {tokens}")
    print("\n".join(wrong[:20]), end="\n" if wrong else "")
    print(f"{len(ours['tensors'])} tensors, {len(rows)} rows, the adapter changes log-probabilities by up to {change:.3f}; "
          f"worst relative deviation {worst:.1e}; {'all equal' if not wrong else f'{len(wrong)} differences'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5], *map(float, sys.argv[5:6])))
