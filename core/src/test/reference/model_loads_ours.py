"""Loads a model that `nudge train --method full` wrote in transformers and compares: its tensors with the base's by name, shape and stored type, its log-probabilities with those of `nudge score`.

usage: model_loads_ours.py BASE OURS DATA.jsonl SCORES.jsonl [tolerance, 1e-3]

torch 2.15.0, transformers 5.24.0. DATA has prompt + completion or text rows, all of them good ones. SCORES is the standard output of
`nudge score --model OURS --data DATA.jsonl --compute fp32`. Prints what differs, the worst deviation last; exit 0 where all holds.
"""

import glob
import sys

import torch
from safetensors import safe_open
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from common import row_loss, row_tokens
from peft_loads_ours import end_token, json_lines


def stored(folder):
    """name → file, type and shape."""
    all = {}
    for path in sorted(glob.glob(f"{folder}/*.safetensors")):
        with safe_open(path, "pt") as f:
            for name in f.keys():
                s = f.get_slice(name)
                all[name] = (path.rsplit("/", 1)[1], s.get_dtype(), s.get_shape())
    return all


def main(base, ours, data, scores, tolerance=1e-3):
    before, after = stored(base), stored(ours)
    wrong = [f"{n}: base {before.get(n)}, ours {after.get(n)}" for n in sorted(before.keys() | after.keys()) if before.get(n) != after.get(n)]
    model, info = LlamaForCausalLM.from_pretrained(ours, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    wrong += [f"{k}: {sorted(v)[:4]}" for k, v in info.items() if v]
    tokenizer = Tokenizer.from_file(f"{ours}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    eos_id = end_token(ours, tokenizer)
    rows = [row_tokens(tokenizer, *((r["prompt"], r["completion"]) if "completion" in r else ("", r["text"])), eos_id) for r in json_lines(data)]
    got = {s["index"]: s for s in json_lines(scores) if "logprob" in s and "index" in s}
    if sorted(got) != list(range(len(rows))):
        wrong.append(f"{len(rows)} rows, scores of {len(got)}")
    worst = 0.0
    model.eval()
    with torch.no_grad():
        for i, row in enumerate(rows):
            loss, tokens = row_loss(model, row)
            if i in got:
                deviation = abs(got[i]["logprob"] + loss.item()) / max(1, loss.item())
                worst = max(worst, deviation)
                if deviation > tolerance or got[i]["tokens"] != tokens:
                    wrong.append(f"row {i}: nudge {got[i]['logprob']:.6f} of {got[i]['tokens']} tokens, transformers {-loss.item():.6f} of {tokens}")
    print("\n".join(wrong[:20]), end="\n" if wrong else "")
    print(f"{len(after)} tensors, {len(rows)} rows; worst relative deviation {worst:.1e}; {'all equal' if not wrong else f'{len(wrong)} differences'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5], *map(float, sys.argv[5:6])))
