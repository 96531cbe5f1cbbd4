"""calibrated_beside.py MODEL ROWS.jsonl FOLDER: layer 0's q, k and v in a folder of `nudge quantize --method gptq --format gptq` (symmetric, static groups, act-order) beside
llm-compressor's quantize_weight with the same Hessian and scales, and beside rounding to nearest: tr(E H E'), and seconds of llm-compressor's function. ROWS have a column `text`,
and are those that nudge was calibrated on. With --nearest OUT, MODEL rounded to nearest (groups of 64, symmetric and not) is written to OUT/sym and OUT/asym in fp32, for `nudge score`.
llm-compressor 0.14.0.1, compressed-tensors 0.20.1, transformers 5.24.0, torch 2.15.0.
"""

import importlib.util
import json
import os
import shutil
import sys
import time
import types

import torch
from calibrated_load_ours import gptq
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer


def nearest(w, group, symmetric):
    g = w.reshape(len(w), -1, group)
    lo, hi = g.amin(-1, keepdim=True).clamp(max=0), g.amax(-1, keepdim=True).clamp(min=0)
    if symmetric:
        hi = torch.maximum(hi, -lo)
        scale = (2 * hi / 15).half().float()
        return (scale * (torch.round(g / scale).clamp(-8, 7))).reshape(w.shape)
    scale = ((hi - lo) / 15).half().float()
    zero = torch.round(-lo / scale).clamp(0, 15)
    return (scale * (torch.round(g / scale + zero).clamp(0, 15) - zero)).reshape(w.shape)


model_folder, data, folder = sys.argv[1:4]
model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32).eval()
if "--nearest" in sys.argv:
    out = sys.argv[sys.argv.index("--nearest") + 1]
    for name, symmetric in (("sym", True), ("asym", False)):
        os.makedirs(f"{out}/{name}", exist_ok=True)
        linear = {n + ".weight" for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and n != "lm_head"}
        state = {n: nearest(t, 64, symmetric) if n in linear else t for n, t in model.state_dict().items() if n != "lm_head.weight"}
        save_file({n: t.contiguous().clone() for n, t in state.items()}, f"{out}/{name}/model.safetensors", {"format": "pt"})
        for f in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"):
            shutil.copy(f"{model_folder}/{f}", f"{out}/{name}/{f}")
    sys.exit()

from compressed_tensors.quantization import QuantizationArgs  # noqa: E402

root = importlib.util.find_spec("llmcompressor").submodule_search_locations[0]
for name in ("llmcompressor", "llmcompressor.modifiers", "llmcompressor.modifiers.gptq"):  # without what their __init__ import
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [os.path.join(os.path.dirname(root), *name.split("."))]
from llmcompressor.modifiers.gptq.gptq_quantize import quantize_weight  # noqa: E402

tokenizer = AutoTokenizer.from_pretrained(model_folder)
attention = model.model.layers[0].self_attn
seen = []
attention.q_proj.register_forward_hook(lambda m, x, y: seen.append(x[0][0].detach()))
with torch.no_grad():
    for line in open(data):
        model.model(torch.tensor([tokenizer(json.loads(line)["text"])["input_ids"] + [tokenizer.eos_token_id]]))
x = torch.cat(seen)
h = (x.T @ x).double()
index = json.load(open(f"{folder}/model.safetensors.index.json"))["weight_map"]
q = json.load(open(f"{folder}/config.json"))["quantization_config"]
tensors = load_file(f"{folder}/{index['model.layers.0.self_attn.q_proj.qweight']}")
args = QuantizationArgs(num_bits=4, type="int", symmetric=True, strategy="group", group_size=q["group_size"], actorder="static")
for name in ("q_proj", "k_proj", "v_proj"):
    path = f"model.layers.0.self_attn.{name}."
    parts = {n[len(path) :]: t for n, t in tensors.items() if n.startswith(path)}
    w = getattr(attention, name).weight.detach()
    scale = parts["scales"].float().T.contiguous()
    start = time.time()
    theirs = quantize_weight(w.clone()[None], (h * 2 / len(x)).float()[None], scale[None], torch.zeros_like(scale)[None], None, args)[0][0]
    seconds = time.time() - start
    if theirs.shape == w.shape and theirs.dtype == torch.int8:
        theirs = theirs.float() * scale.repeat_interleave(q["group_size"], 1)
    loss = {}
    for who, other in (("nudge", gptq(parts, q)), ("llm-compressor", theirs.float()), ("nearest", nearest(w, q["group_size"], True))):
        e = (other - w).double()
        loss[who] = ((e @ h) * e).sum().item()
    same = (gptq(parts, q) - theirs).abs().lt(1e-6).float().mean().item()
    print(name, {k: round(v / loss["nearest"], 4) for k, v in loss.items()}, f"{same:.3f} of the weights equal, {seconds:.2f} s")
