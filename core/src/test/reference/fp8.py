"""fp8.py OUT: OUT/fp8/NAME/{model/{config.json,model.safetensors},expected.json,logits.safetensors}: a tiny Llama of random codes in FP8, SHA-256 of each
dequantised weight (fp32, [out, in], row-major), and logits, as transformers makes them with FineGrainedFP8Config(dequantize=True).

Every code but the NaNs is drawn. `short` has blocks that the sizes cut, which transformers does not dequantise: there the weights are torch's float8_e4m3fn times
the scale of its block, and the logits those of a dense model. torch 2.15.0, transformers 5.24.0, safetensors 0.8.0. Seeds 1-.
"""

import hashlib
import shutil
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, FineGrainedFP8Config, LlamaConfig, LlamaForCausalLM

from common import read_json, write_json, write_tensors

SIZES = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, vocab_size=48,
             max_position_embeddings=64, tie_word_embeddings=True, bos_token_id=0, eos_token_id=1)
IDS = [3, 9, 27, 40, 5, 6, 7, 31, 2, 2, 18, 44]
Q = dict(quant_method="fp8", fmt="e4m3", activation_scheme="dynamic")


def spread(scale, shape, block):
    """A scale for each number."""
    rows, cols = block or shape
    return scale.float().reshape(-(-shape[0] // rows), -1).repeat_interleave(rows, 0)[: shape[0]].repeat_interleave(cols, 1)[:, : shape[1]]


def write(root, name, seed, block, scale_type=torch.float32, dense=(), **q):
    folder = f"{root}/fp8/{name}"
    model = f"{folder}/model"
    torch.manual_seed(seed)
    LlamaForCausalLM(LlamaConfig(**SIZES)).to(torch.bfloat16).save_pretrained(model)
    tensors = load_file(f"{model}/model.safetensors")
    made = {}
    for path in [n[:-7] for n in tensors if n.endswith("_proj.weight") and not n[:-7].endswith(dense or ("-",))]:
        shape = tensors[f"{path}.weight"].shape
        rows, cols = block or shape
        codes = torch.randint(0, 254, shape, dtype=torch.int16)
        codes = (codes + (codes >= 127)).to(torch.uint8).view(torch.float8_e4m3fn)  # 0x7f and 0xff are NaN
        grid = (-(-shape[0] // rows), -(-shape[1] // cols)) if block else ()
        scale = (torch.rand(grid) * 1e-3 + 1e-4).to(scale_type)
        made[path + ".weight"] = codes.float() * spread(scale, shape, block)
        tensors |= {path + ".weight": codes, path + ".weight_scale_inv": scale}
    save_file(tensors, f"{model}/model.safetensors", metadata={"format": "pt"})
    config = read_json(f"{model}/config.json")
    plain = dict(config)
    config["quantization_config"] = Q | dict(weight_block_size=block) | q
    write_json(f"{model}/config.json", config)
    even = not block or all(s % b == 0 for n in made for s, b in zip(made[n].shape, block))
    if even:
        # dequantised in fp32 by transformers
        lm = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, attn_implementation="eager", quantization_config=FineGrainedFP8Config(
            weight_block_size=block, dequantize=True, modules_to_not_convert=q.get("modules_to_not_convert")))
        for n, weight in made.items():
            assert torch.equal(dict(lm.named_parameters())[n], weight), n
    else:
        lm = LlamaForCausalLM(LlamaConfig.from_dict(plain | dict(attn_implementation="eager"))).float()
        lm.load_state_dict({n: t.float() for n, t in tensors.items() if not n.endswith("_inv")} | made, strict=False)
    with torch.no_grad():
        write_tensors(f"{folder}/logits.safetensors", {"logits": lm(torch.tensor([IDS])).logits[0].contiguous()})
    digests = {n: hashlib.sha256(w.contiguous().numpy().tobytes()).hexdigest() for n, w in made.items()}
    write_json(f"{folder}/expected.json", dict(ids=IDS, weights=digests))


def main(root):
    shutil.rmtree(f"{root}/fp8", ignore_errors=True)
    write(root, "block", 1, [32, 16], scale_type=torch.bfloat16)  # Qwen3's scales are bfloat16
    write(root, "short", 2, [40, 48])
    write(root, "tensor", 3, None, modules_to_not_convert=["down_proj"], dense=("down_proj",))


main(sys.argv[1])
