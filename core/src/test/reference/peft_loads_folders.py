"""Loads with PEFT the adapter folders that PeftGoldenTest saved, and compares them with what PEFT saved itself.

usage: peft_loads_folders.py GOLDEN FOLDERS      GOLDEN: ../resources/golden, FOLDERS: core/target/peft

Of each folder: PEFT gives no warning; the tensors of the file are the adapter's parameters, none more, none fewer, same bits;
PEFT writes the same tensors and the same config values back; the logits are those of PEFT's own adapter (golden), bit for bit.
Prints a line a folder; exit 0 where all holds.
"""

import os
import sys
import tempfile
import warnings

import peft
import torch
from peft import PeftModel
from safetensors.torch import load_file

from common import load, logits, read_json


def parameters(model):
    return {n.replace(".default", ""): p.detach() for n, p in model.named_parameters() if ".lora_" in n}


def sorted_lists(config):
    return {k: sorted(v) if k in ("target_modules", "exclude_modules") and isinstance(v, list) else v for k, v in config.items()}


def check(golden, folders, name):
    folder, wrong = f"{folders}/{name}", []
    config = read_json(f"{folder}/adapter_config.json")
    base = f"{golden}/llama/{config['base_model_name_or_path']}/model"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(load(base), folder).eval()
    wrong += [f"warning: {w.message}" for w in caught if "peft" in str(w.filename) or "dapter" in str(w.message)]
    stored, loaded = load_file(f"{folder}/adapter_model.safetensors"), parameters(model)
    wrong += [f"only in the {'file' if n in stored else 'model'}: {n}" for n in sorted(stored.keys() ^ loaded.keys())]
    wrong += [f"{n}: other bits" for n in stored.keys() & loaded.keys() if not torch.equal(stored[n], loaded[n])]
    with tempfile.TemporaryDirectory() as again:
        model.save_pretrained(again, save_embedding_layers=False)
        theirs = sorted_lists(read_json(f"{again}/adapter_config.json"))
        back = load_file(f"{again}/adapter_model.safetensors")
    wrong += [f"written back differently: {n}" for n in stored.keys() | back.keys() if n not in back or n not in stored or not torch.equal(stored[n], back[n])]
    wrong += [f"{k}: {v!r}, PEFT writes {theirs.get(k)!r}" for k, v in sorted_lists(config).items() if k not in theirs or theirs[k] != v]
    compared = "no logits to compare"
    if os.path.isdir(f"{golden}/peft/{name}"):
        inputs, expected = read_json(f"{golden}/peft/{name}/inputs.json"), load_file(f"{golden}/peft/{name}/logits.safetensors")
        with torch.no_grad():
            worst = max((logits(model, s) - expected[f"logits.{i}"]).abs().max().item() for i, s in enumerate(inputs["sequences"]))
        compared = f"logits differ by {worst:.1e} of {inputs['largest_logit']:.2f}"
        wrong += [compared] if worst > 1e-5 * inputs["largest_logit"] else []
    print(f"{name}: {len(stored)} tensors, {len(config)} keys, {compared}: {'; '.join(wrong[:5]) or 'equal'}")
    return not wrong


def main(golden, folders):
    print(f"peft {peft.__version__}")
    results = [check(golden, folders, name) for name in sorted(os.listdir(folders))]
    print(f"{sum(results)} of {len(results)} folders equal")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
