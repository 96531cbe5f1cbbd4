"""Has nudge train, merge and quantise a model of every family, and loads what it wrote in PEFT, transformers and bitsandbytes.

usage, from the project's root: families_load_ours.py FOLDER...     each as `families.py --outside` writes it: model/, data.jsonl

Versions as in families.py. For each folder, all in fp32: `train` (4 steps of a new adapter on its rows), PEFT loads the adapter without a
missing or unexpected key and gives the log-probabilities of `score`; `merge`, transformers loads the folder likewise and gives those of
base + adapter, within the rounding of the stored type; where FOLDER-nf4 is there too (widths of 64, for which bitsandbytes is right on a
CPU), `quantize`, and transformers and bitsandbytes give the log-probabilities of `score`. Prints a line a folder; exit 0 where all holds.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

import torch
from bitsandbytes.nn import Linear4bit
from peft import PeftModel
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from common import row_tokens
from peft_loads_ours import end_token, json_lines

ROWS, CLOSE, STORED = 8, 1e-4, 2e-2  # a merged weight is rounded to bfloat16
torch.set_num_threads(1)


def nudge(*args):
    done = subprocess.run(["./nudge", *map(str, args)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"nudge {args[0]}: exit {done.returncode}, {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def ours(model, rows, *more):
    lines = nudge("score", "--model", model, "--data", rows, "--compute", "fp32", *more).splitlines()
    return [json.loads(line)["logprob"] for line in lines if '"index"' in line]


def load(folder):
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    return model.eval(), [f"{k}: {sorted(map(str, v))[:3]}" for k, v in info.items() if v]


def theirs(model, rows):
    values = []
    with torch.no_grad():
        for row in rows:
            out = model(input_ids=torch.tensor([row["ids"]]), use_cache=False).logits[0].float()
            logs = torch.log_softmax(out[row["first_trained"] - 1 : -1], -1)
            values.append(logs.gather(1, torch.tensor(row["ids"][row["first_trained"] :])[:, None]).sum().item())
    return values


def apart(a, b):
    return max(abs(x - y) / max(1, abs(y)) for x, y in zip(a, b, strict=True))


def one(folder, temp):
    model, data = f"{folder}/model", f"{temp}/rows.jsonl"
    with open(data, "w", encoding="utf-8") as f:
        f.writelines(open(f"{folder}/data.jsonl", encoding="utf-8").readlines()[:ROWS])
    tokenizer = Tokenizer.from_file(f"{model}/tokenizer.json")
    rows = [row_tokens(tokenizer, r["prompt"], r["completion"], end_token(model, tokenizer)) for r in json_lines(data)]
    wrong = []

    nudge("train", "--model", model, "--data", data, "--out", f"{temp}/adapter", "--compute", "fp32", "--steps", 4, "--batch-size", 4,
          "--learning-rate", 3e-3, "--warmup", 0, "--rank", 4)
    base, missed = load(model)
    wrong += [f"base {m}" for m in missed]
    before = theirs(base, rows)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        peft = PeftModel.from_pretrained(base, f"{temp}/adapter").eval()
    wrong += [f"PEFT: {w.message}" for w in seen if "key" in str(w.message)]
    after = theirs(peft, rows)
    adapter = apart(ours(model, data, "--adapter", f"{temp}/adapter"), after)

    nudge("merge", "--model", model, "--adapter", f"{temp}/adapter", "--out", f"{temp}/merged", "--compute", "fp32", "--into", "original")
    loaded, missed = load(f"{temp}/merged")
    wrong += [f"merged {m}" for m in missed]
    values = theirs(loaded, rows)
    merged, same = apart(values, after), apart(ours(f"{temp}/merged", data), values)

    quantised = float("nan")
    if os.path.exists(f"{folder.rstrip('/')}-nf4"):
        nudge("quantize", "--model", model, "--out", f"{temp}/nf4")
        loaded, missed = load(f"{temp}/nf4")
        wrong += [f"nf4 {m}" for m in missed]
        for m in loaded.modules():
            if isinstance(m, Linear4bit):
                m.compute_dtype = torch.float32  # the folder wishes the stored type
        quantised = apart(ours(f"{temp}/nf4", data), theirs(loaded.train(), rows))  # to evaluate, it packs for widths that are not these

    wrong += [f"{what} {far:.1e}" for what, far, bound in (("adapter", adapter, CLOSE), ("merged", merged, STORED), ("merged, scored by both", same, CLOSE), ("nf4", quantised, CLOSE)) if far > bound]
    print(f"{os.path.basename(folder.rstrip('/'))}: adapter moves {apart(before, after):.2f}, PEFT within {adapter:.1e}; "
          f"merged in transformers within {merged:.1e} of base + adapter, {same:.1e} of our score; nf4 in bitsandbytes within {quantised:.1e}; {'; '.join(wrong) or 'all hold'}", flush=True)
    return not wrong


def main(*folders):
    good = 0
    for folder in folders:
        temp = tempfile.mkdtemp()
        try:
            good += one(folder, temp)
        except (SystemExit, AssertionError, RuntimeError, ValueError) as e:
            print(f"{os.path.basename(folder.rstrip('/'))}: {type(e).__name__} {e}", flush=True)
        finally:
            shutil.rmtree(temp)
    print(f"{good} of {len(folders)} folders hold")
    return 0 if good == len(folders) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
