"""Makes gpt-oss models whose experts are in MXFP4, with what transformers and PEFT make of them in fp32.

usage: mxfp4.py OUT    writes OUT/mxfp4/

torch 2.15.0, transformers 5.24.0, peft 0.21.2, safetensors 0.8.0, Python 3.11, one thread; else as families.py, from which it takes all.

table.safetensors: each byte at some powers, as convert_moe_packed_tensors reads it. model: random codes; transformers dequantises
the experts as it loads them (Mxfp4Config(dequantize=True), which it does by itself on a CPU).
"""

import shutil
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Mxfp4Config
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

import families
from common import read_json, write_json, write_tensors
from families import SETTINGS, WINDOW, YARN, rope, token_rows

SPEC = dict(
    seed=151, stored=torch.float32,
    config=dict(model_type="gpt_oss", hidden_size=64, head_dim=16, intermediate_size=32, num_local_experts=3, num_experts_per_tok=2, sliding_window=WINDOW,
                rope_parameters=rope("yarn", 150000.0, **YARN, truncate=False)),
    lora=dict(target_modules=list(families.TEXT[:4]), target_parameters=["gate_up_proj", "down_proj"]))
POWERS = [0, 1, 2, 119, 127, 130, 254, 255]


def table(folder):
    codes = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 1, 16).repeat(1, len(POWERS), 1, 1)  # (1, rows, 1, 16)
    scales = torch.tensor(POWERS, dtype=torch.uint8).repeat_interleave(16).reshape(1, -1, 1)
    values = convert_moe_packed_tensors(codes, scales, dtype=torch.float32)  # (1, in, out)
    write_tensors(f"{folder}/table.safetensors", {"codes": codes[0].reshape(-1, 16), "scales": scales[0], "values": values[0].T.contiguous()})


def pack(folder):
    """Replaces the experts by random blocks."""
    g = torch.Generator().manual_seed(SPEC["seed"])
    tensors = load_file(f"{folder}/model.safetensors")
    for name in [n for n in tensors if n.endswith(("experts.gate_up_proj", "experts.down_proj"))]:
        experts, inner, out = tensors.pop(name).shape
        tensors[f"{name}_blocks"] = torch.randint(0, 256, (experts, out, inner // 32, 16), generator=g, dtype=torch.uint8)
        tensors[f"{name}_scales"] = torch.randint(121, 125, (experts, out, inner // 32), generator=g, dtype=torch.uint8)
    save_file(tensors, f"{folder}/model.safetensors", metadata={"format": "pt"})
    config = read_json(f"{folder}/config.json")
    config["quantization_config"] = {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router", "lm_head"]}
    write_json(f"{folder}/config.json", config)


def load(folder, dtype=torch.float32, **config):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager", experts_implementation="eager",
                                                 quantization_config=Mxfp4Config(dequantize=True), **config)
    return model.to(dtype).eval()


def main(out):
    folder = f"{out}/mxfp4"
    shutil.rmtree(folder, ignore_errors=True)
    base = f"{folder}/model"
    families.make(base, SPEC)
    table(folder)
    pack(base)
    families.load = load
    model = load(base)
    g = torch.Generator().manual_seed(3)
    sequences = [torch.randint(0, 47, (n,), generator=g).tolist() for n in families.LENGTHS]
    values = [families.logits(model, s) for s in sequences]
    largest = max(v.abs().max().item() for v in values)
    write_tensors(f"{folder}/logits.safetensors", {f"logits.{i}": v for i, v in enumerate(values)})
    write_json(f"{folder}/inputs.json", {"sequences": sequences, "largest_logit": largest, "greedy": families.greedy(model, 44, g)})
    rows = token_rows(47)
    families.new_adapter(base, SPEC, f"{folder}/train/init", "mxfp4", 2, 5)
    model = families.trainable(base, f"{folder}/train/init")
    before = families.score(model, rows)
    history = families.train(model, families.adapters(model), rows, SETTINGS)
    after = families.score(model, rows)
    families.save(model, f"{folder}/train/final", "mxfp4")
    families.sorted_targets(f"{folder}/train/final")
    write_json(f"{folder}/train/expected.json", {"settings": SETTINGS, **history, "score_before": before, "score_after": after})
    print(f"largest logit {largest:.2f}; loss {history['losses'][0]:.3f} to {history['losses'][-1]:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
