"""Makes the tiny random Llamas and their fp32 logits.

usage: llama_logits.py OUT      reads OUT/tokenizer (tiny_tokenizer.py), writes OUT/llama/<name>/
"""

import os
import shutil
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from common import VOCAB, load, logits, read_json, write_json, write_tensors

# A llama3 context of 64 tokens and heads of 16 put one frequency above the scaled band, two inside it, five below.
LLAMA3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)
DEFAULT = dict(rope_type="default", rope_theta=10000.0)

MODELS = {
    "grouped-tied": dict(
        seed=1, lengths=[1, 2, 5, 17, 31], tokenizer=True,
        config=dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4,
                    num_key_value_heads=2, head_dim=8, tie_word_embeddings=True, rope_parameters=DEFAULT)),
    "biased-sharded": dict(
        seed=2, lengths=[1, 3, 11, 40], shard="60KB",
        config=dict(vocab_size=101, hidden_size=48, intermediate_size=83, num_hidden_layers=2, num_attention_heads=6,
                    num_key_value_heads=3, head_dim=10, attention_bias=True, mlp_bias=True, rms_norm_eps=1e-5,
                    rope_parameters=dict(rope_type="default", rope_theta=5000.0))),
    "llama3-rope": dict(
        seed=3, lengths=[1, 7, 40, 90], tokenizer=True, transformers4=True,
        config=dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=56, num_hidden_layers=3, num_attention_heads=4,
                    num_key_value_heads=2, head_dim=16, rope_parameters=LLAMA3)),
    "linear-rope": dict(
        seed=4, lengths=[1, 6, 50], transformers4=True,
        config=dict(vocab_size=67, hidden_size=24, intermediate_size=40, num_hidden_layers=1, num_attention_heads=3,
                    num_key_value_heads=3, rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=2.5))),
    "multi-query-bf16": dict(
        seed=5, lengths=[1, 4, 29], stored=torch.bfloat16,
        config=dict(vocab_size=89, hidden_size=40, intermediate_size=68, num_hidden_layers=2, num_attention_heads=5,
                    num_key_value_heads=1, tie_word_embeddings=True, rope_parameters=DEFAULT)),
    "minimal-f16": dict(
        seed=6, lengths=[1, 8, 23], stored=torch.float16, minimal=True,
        config=dict(vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2)),
}

DTYPE = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}


@torch.no_grad()
def randomise(model, seed):
    """Weights far from transformers' initialisation, so that an error anywhere shows in the logits."""
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=g)
        if "norm" in name:
            p.copy_(1 + 0.25 * noise)
        elif name.endswith("bias"):
            p.copy_(0.3 * noise)
        elif "embed_tokens" in name:
            p.copy_(0.3 * noise)
        else:
            p.copy_(1.2 / p.shape[-1] ** 0.5 * noise)


def transformers4(config, stored):
    """The same config.json as transformers 4 wrote it: rope_theta, rope_scaling, torch_dtype; no head_dim where it is the default."""
    c = dict(config)
    rope = dict(c.pop("rope_parameters"))
    c["rope_theta"] = rope.pop("rope_theta")
    if rope["rope_type"] == "linear":
        rope["type"] = rope.pop("rope_type")  # the spelling before transformers 4.43
    c["rope_scaling"] = None if rope.get("rope_type") == "default" else rope
    c.pop("dtype")
    c["torch_dtype"] = DTYPE[stored]
    if c.get("head_dim") == c["hidden_size"] // c["num_attention_heads"]:
        c.pop("head_dim")
    c["transformers_version"] = "4.40.0"
    return c


def one(out, name, spec):
    folder, model_dir = f"{out}/llama/{name}", f"{out}/llama/{name}/model"
    shutil.rmtree(folder, ignore_errors=True)
    stored = spec.get("stored", torch.float32)
    config = LlamaConfig(max_position_embeddings=512, bos_token_id=0, eos_token_id=1, pad_token_id=2, **spec["config"])
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config)
    randomise(model, spec["seed"])
    model = model.to(stored)
    model.config.dtype = stored
    model.save_pretrained(model_dir, max_shard_size=spec.get("shard", "5GB"))
    if spec.get("tokenizer"):
        for f in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(f"{out}/tokenizer/plain/{f}", f"{model_dir}/{f}")
    if spec.get("minimal"):  # all other keys take the class's defaults
        os.remove(f"{model_dir}/generation_config.json")
        write_json(f"{model_dir}/config.json", {"model_type": "llama", **spec["config"], "torch_dtype": DTYPE[stored]})

    model = load(model_dir)
    g = torch.Generator().manual_seed(100 + spec["seed"])
    sequences = [torch.randint(0, config.vocab_size, (n,), generator=g).tolist() for n in spec["lengths"]]
    values = [logits(model, s) for s in sequences]
    exact = load(model_dir, torch.float64)
    largest = max(v.abs().max().item() for v in values)
    deviation = max((logits(exact, s) - v.double()).abs().max().item() for s, v in zip(sequences, values))

    if spec.get("transformers4"):
        plain = load(model_dir, rope_parameters=DEFAULT)
        assert (logits(plain, sequences[-1]) - values[-1]).abs().max() > 0.1 * largest, "the scaling does not matter"
        old = transformers4(read_json(f"{model_dir}/config.json"), stored)
        write_json(f"{folder}/config.transformers4.json", old)
        copy = f"{folder}/copy"
        shutil.copytree(model_dir, copy)
        write_json(f"{copy}/config.json", old)
        again = load(copy)
        assert all(torch.equal(logits(again, s), v) for s, v in zip(sequences, values)), name
        shutil.rmtree(copy)
    write_json(f"{folder}/inputs.json", {"sequences": sequences, "largest_logit": largest,
                                         "fp32_minus_fp64": deviation})
    write_tensors(f"{folder}/logits.safetensors", {f"logits.{i}": v for i, v in enumerate(values)})
    print(f"{name}: largest logit {largest:.3f}, std {torch.cat(values).std():.3f}, fp32 - fp64 {deviation:.1e}")


def main(out):
    for name, spec in MODELS.items():
        one(out, name, spec)


if __name__ == "__main__":
    main(sys.argv[1])
