"""Has nudge train adapters that hold more than A and B of the layers, and loads what it wrote in PEFT and transformers.

usage, from the project's root: extras_load_ours.py FOLDER...     each as `families.py --outside` writes it: model/, data.jsonl

Versions as in families.py, all in fp32. For each folder and each set of flags: `train` (4 steps), PEFT loads the adapter on the model (grown
as its users grow it where tokens were added) without a missing or unexpected key and gives the log-probabilities of `score`; `merge`,
transformers loads the folder without one and gives those of base + adapter, within the rounding of the stored type, and of `score` on it.
Prints a line a folder and set; exit 0 where all holds.
"""

import json
import os
import shutil
import sys
import tempfile
import warnings

from peft import PeftModel
from tokenizers import Tokenizer

from common import row_tokens
from families_load_ours import CLOSE, ROWS, STORED, apart, load, nudge, ours, theirs
from peft_loads_ours import end_token, json_lines

WAYS = {
    "embedding and head whole": ["--modules-to-save", "embed_tokens,lm_head"],
    "embedding whole": ["--modules-to-save", "embed_tokens"],
    "head and last norm whole": ["--modules-to-save", "lm_head,model.norm"],
    "A and B on embedding and head": ["--targets", "q_proj,v_proj,qkv_proj,embed_tokens,lm_head"],
    "new tokens": ["--add-tokens", "TOKENS"],
    "new tokens, embedding and head whole": ["--add-tokens", "TOKENS", "--modules-to-save", "embed_tokens", "--modules-to-save", "lm_head"],
}
TOKENS = ["<tool>", "seal-kit", "ƒlange"]


def one(folder, way, flags, temp):
    model, data, tokens = f"{folder}/model", f"{temp}/rows.jsonl", f"{temp}/tokens.txt"
    added = "--add-tokens" in flags
    with open(tokens, "w", encoding="utf-8") as f:
        f.write("\n".join(TOKENS) + "\n")
    with open(data, "w", encoding="utf-8") as f:
        for i, row in enumerate(json_lines(f"{folder}/data.jsonl")[:ROWS]):
            if added:
                row["prompt"] += f" {TOKENS[i % 3]}"
                row["completion"] = f" {TOKENS[(i + 1) % 3]}" + row["completion"]
            f.write(json.dumps(row) + "\n")
    names = json.dumps(json.load(open(f"{model}/config.json")))
    flags = [tokens if f == "TOKENS" else f for f in flags]
    packed = '"phi3"' in names
    flags = [f.replace("qkv_proj,", "") if not packed else f.replace("q_proj,v_proj,", "") for f in flags]

    adapter = f"{temp}/adapter"
    nudge("train", "--model", model, "--data", data, "--out", adapter, "--compute", "fp32", "--steps", 4, "--batch-size", 4,
          "--learning-rate", 3e-3, "--warmup", 0, "--rank", 4, *flags)
    tokenizer = Tokenizer.from_file(f"{adapter}/tokenizer.json")
    rows = [row_tokens(tokenizer, r["prompt"], r["completion"], end_token(model, tokenizer)) for r in json_lines(data)]
    wrong = []
    base, missed = load(model)
    wrong += [f"base {m}" for m in missed]
    if added and tokenizer.get_vocab_size() > base.get_input_embeddings().num_embeddings:
        base.resize_token_embeddings(tokenizer.get_vocab_size(), mean_resizing=False)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        peft = PeftModel.from_pretrained(base, adapter).eval()
    wrong += [f"PEFT: {w.message}" for w in seen if "key" in str(w.message)]
    after = theirs(peft, rows)
    scored = apart(ours(model, data, "--adapter", adapter), after)

    nudge("merge", "--model", model, "--adapter", adapter, "--out", f"{temp}/merged", "--compute", "fp32", "--into", "original")
    loaded, missed = load(f"{temp}/merged")
    wrong += [f"merged {m}" for m in missed]
    values = theirs(loaded, rows)
    merged, same = apart(values, after), apart(ours(f"{temp}/merged", data), values)
    wrong += [f"{what} {far:.1e}" for what, far, bound in (
        ("adapter", scored, CLOSE), ("merged", merged, STORED), ("merged, scored by both", same, CLOSE)) if far > bound]
    print(f"{os.path.basename(folder.rstrip('/'))}, {way}: PEFT within {scored:.1e}; merged in transformers within {merged:.1e} of base + adapter, "
          f"{same:.1e} of our score; {'; '.join(wrong) or 'all hold'}", flush=True)
    return not wrong


def main(*folders):
    good = 0
    for folder in folders:
        for way, flags in WAYS.items():
            temp = tempfile.mkdtemp()
            try:
                good += one(folder, way, flags, temp)
            except (SystemExit, AssertionError, RuntimeError, ValueError) as e:
                print(f"{os.path.basename(folder.rstrip('/'))}, {way}: {type(e).__name__} {e}", flush=True)
            finally:
                shutil.rmtree(temp)
    print(f"{good} of {len(folders) * len(WAYS)} hold")
    return 0 if good == len(folders) * len(WAYS) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
