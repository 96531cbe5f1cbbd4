"""Writes what transformers makes of config.json files: sizes, rotary settings and inverse frequencies.

usage: rope.py OUT      writes OUT/rope.json (made with transformers 5.24.0, torch 2.15.0)

Each case is the text of a config.json, in the layout of transformers 4, 5 or a mixture, and the values that LlamaConfig and
LlamaRotaryEmbedding derive from it. The frequencies are float32, written so that they read back to the same number.
"""

import json
import os
import sys

import torch
import transformers
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

SMALL = {"hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 96, "vocab_size": 99, "num_hidden_layers": 1}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}

CASES = {
    "nothing": {},
    "small": SMALL,
    "llama 2": {"hidden_size": 4096, "num_attention_heads": 32, "rms_norm_eps": 1e-05, "max_position_embeddings": 4096, "rope_scaling": None},
    "llama 3": {"hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8, "rope_theta": 500000.0, "vocab_size": 128256},
    "llama 3.1, layout 4": {"hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 131072,
                            "rope_theta": 500000.0, "rope_scaling": {**LLAMA3, "rope_type": "llama3"}, "torch_dtype": "bfloat16"},
    "llama 3.1, layout 5": {"hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 131072,
                            "rope_parameters": {**LLAMA3, "rope_type": "llama3", "rope_theta": 500000.0}, "dtype": "bfloat16"},
    "llama 3.2": {"hidden_size": 2048, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64, "tie_word_embeddings": True,
                  "max_position_embeddings": 131072, "rope_theta": 500000, "rope_scaling": {**LLAMA3, "factor": 32.0, "rope_type": "llama3"}},
    "llama3 without original": {**SMALL, "max_position_embeddings": 512,
                                "rope_scaling": {"rope_type": "llama3", "factor": 4, "low_freq_factor": 1, "high_freq_factor": 3}},
    "llama3 with original beside": {**SMALL, "original_max_position_embeddings": 256, "rope_scaling": {**LLAMA3, "rope_type": "llama3"}},
    "linear by type": {**SMALL, "rope_theta": 9000.0, "rope_scaling": {"type": "linear", "factor": 2.5}},
    "linear by both": {**SMALL, "rope_scaling": {"rope_type": "linear", "type": "llama3", "factor": 3.0}},
    "linear in layout 5": {**SMALL, "rope_parameters": {"rope_type": "linear", "factor": 1.7, "rope_theta": 123456.0}},
    "linear below one": {**SMALL, "rope_scaling": {"rope_type": "linear", "factor": 0.5}},
    "factor without type": {**SMALL, "rope_scaling": {"factor": 2.0}},
    "empty scaling": {**SMALL, "rope_scaling": {}, "rope_parameters": {"rope_theta": 77.0}},
    "scaling before parameters": {**SMALL, "rope_scaling": {"rope_type": "linear", "factor": 2.0}, "rope_parameters": {"rope_type": "default", "rope_theta": 3.0}},
    "theta in parameters before theta beside": {**SMALL, "rope_theta": 9.0, "rope_parameters": {"rope_theta": 7.0}},
    "theta beside parameters": {**SMALL, "rope_theta": 9.0, "rope_parameters": {"rope_type": "default"}},
    "null heads": {**SMALL, "num_key_value_heads": None, "head_dim": None},
    "wide heads": {**SMALL, "head_dim": 80, "rope_theta": 130000.0},
    "no end": {**SMALL, "bos_token_id": None, "eos_token_id": None},
    "several ends": {**SMALL, "bos_token_id": 98, "eos_token_id": [97, 5, 6], "attention_bias": True, "mlp_bias": True},
}

FIELDS = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size",
          "max_position_embeddings", "rms_norm_eps", "tie_word_embeddings", "attention_bias", "mlp_bias", "bos_token_id", "eos_token_id")


def case(given):
    config = LlamaConfig(**json.loads(json.dumps(given)))
    rotary = LlamaRotaryEmbedding(config)
    return {
        "config": {"model_type": "llama", **given},
        "expected": {name: getattr(config, name) for name in FIELDS},
        "rope": config.rope_parameters,
        "inv_freq": [float(f) for f in rotary.inv_freq],
    }


def main(out):
    lines = [f" {json.dumps(name)}: {json.dumps(case(given))}" for name, given in CASES.items()]
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/rope.json", "w", encoding="utf-8") as f:
        f.write("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"transformers {transformers.__version__}, torch {torch.__version__}: {len(CASES)} cases", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
