"""Makes tiny models in NF4 whose rows cut blocks of 64 and bytes, with what transformers and PEFT make of them in fp32.

usage: nf4_widths.py OUT    writes OUT/nf4-widths/<name>/: model/ (bf16), nf4/model/ (the same as bitsandbytes quantises it), scores, ten steps of LoRA

torch 2.15.0, transformers 5.24.0, peft 0.21.2, bitsandbytes 0.50.2, safetensors 0.8.0, Python 3.11, one thread; else as families.py, from which
it takes all. bitsandbytes quantises each matrix and packs its state (functional.quantize_4bit, QuantState.as_dict).

Blocks run over the flattened matrix: number i has scale i // 64. So bitsandbytes quantises, and so its CUDA, generic and AVX2 code dequantises.
Its AVX-512 code takes scale row * (width // 64) + column // 64, which is another one where the width is a multiple of 16 and not of 64. So
the weights are dequantised here, in one line, and held to bitsandbytes where it is right; the last column of what is printed is how far
the total log-probability of the rows would be off with its own.
"""

import shutil
import sys

import torch
from bitsandbytes import functional as bnb
from safetensors.torch import load_file, save_file
from transformers import BitsAndBytesConfig

import families
from common import read_json, write_json
from families import SETTINGS, rope, token_rows

CASES = {
    # Experts of 32, a dense MLP of 96: rows begin in the middle of a block. Scales in eight bits.
    "mixture": dict(
        seed=161, double_quant=True,
        config=dict(model_type="qwen3_moe", hidden_size=64, head_dim=16, intermediate_size=96, moe_intermediate_size=32, num_experts=4,
                    num_experts_per_tok=2, norm_topk_prob=True, mlp_only_layers=[1], rope_parameters=rope())),
    # Every width cuts a block, that of down_proj cuts a byte. Scales in fp32.
    "dense": dict(
        seed=162, double_quant=False,
        config=dict(model_type="llama", hidden_size=48, head_dim=12, num_attention_heads=3, num_key_value_heads=1, intermediate_size=27,
                    rope_parameters=rope())),
}


def dequantised(packed, state):
    codes = torch.stack([packed.flatten() >> 4, packed.flatten() & 15], 1).flatten()[: state.shape.numel()].long()
    absmax = bnb.dequantize_blockwise(state.absmax, state.state2) + state.offset if state.nested else state.absmax
    return (state.code[codes] * absmax.repeat_interleave(64)[: codes.numel()]).reshape(state.shape)


def quantise(folder, to, double_quant):
    """Writes the folder in NF4, and beside it two dense ones in fp32: dequantised here, and by bitsandbytes."""
    stored, right, native = {}, {}, {}
    for name, w in load_file(f"{folder}/model.safetensors").items():
        if not name.endswith("_proj.weight"):
            stored[name], right[name], native[name] = w, w.float(), w.float()
            continue
        packed, state = bnb.quantize_4bit(w, blocksize=64, compress_statistics=double_quant, quant_type="nf4")
        stored[name] = packed
        stored |= {f"{name}.{k}": v for k, v in state.as_dict(packed=True).items()}
        state.dtype = torch.float32
        right[name], native[name] = dequantised(packed, state), bnb.dequantize_4bit(packed, state)
        assert torch.equal(right[name], native[name]) or w.shape[1] % 64 and w.shape[1] % 16 == 0, name
    config = read_json(f"{folder}/config.json")
    given = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=double_quant, bnb_4bit_compute_dtype=torch.bfloat16)
    for name, tensors, more in ((to, stored, {"quantization_config": given.to_dict()}), (f"{to}-right", right, {"dtype": "float32"}),
                                (f"{to}-native", native, {"dtype": "float32"})):
        shutil.copytree(folder, name)
        save_file({k: v.contiguous() for k, v in tensors.items()}, f"{name}/model.safetensors", metadata={"format": "pt"})
        write_json(f"{name}/config.json", {**config, **more})


def one(out, name, spec):
    folder = f"{out}/nf4-widths/{name}"
    families.make(f"{folder}/model", spec)
    quantise(f"{folder}/model", f"{folder}/nf4/model", spec["double_quant"])
    base = f"{folder}/nf4/model-right"
    rows = token_rows(47)
    plain, native = families.score(families.load(base), rows), families.score(families.load(f"{folder}/nf4/model-native"), rows)
    families.new_adapter(base, spec, f"{folder}/train/init", name, 2, 5)
    model = families.trainable(base, f"{folder}/train/init")
    before = families.score(model, rows)
    history = families.train(model, families.adapters(model), rows, SETTINGS)
    write_json(f"{folder}/nf4/expected.json", {
        "settings": {**SETTINGS, "double_quant": spec["double_quant"]}, "score": plain, **history, "score_before": before, "score_after": families.score(model, rows)})
    for dense in ("right", "native"):
        shutil.rmtree(f"{folder}/nf4/model-{dense}")
    print(f"{name}: scores {sum(plain):.2f}, with bitsandbytes' own dequantising {sum(native):.2f} (furthest row {max(abs(a - b) for a, b in zip(plain, native)):.2f}); "
          f"loss {history['losses'][0]:.3f} to {history['losses'][-1]:.3f}", flush=True)


def main(out):
    shutil.rmtree(f"{out}/nf4-widths", ignore_errors=True)
    for name, spec in CASES.items():
        one(out, name, spec)


if __name__ == "__main__":
    main(*sys.argv[1:])
