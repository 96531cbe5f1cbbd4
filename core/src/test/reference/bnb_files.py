"""Makes a tiny Llama as bitsandbytes stores it in NF4, and its fp32 logits.

usage: bnb_files.py OUT      writes OUT/bnb/: source/ (bf16), double/ (quantised from it, double quantisation), plain/ (from
the same values in fp32, no double quantisation, packed as bfloat16, one projection left as it was), and logits of both.
"""

import os
import shutil
import sys

import torch
from transformers import BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

from common import write_json, write_tensors
from llama_logits import DEFAULT, randomise

# Widths are multiples of 64: bitsandbytes' CPU dequantise is wrong for others.
CONFIG = dict(vocab_size=31, hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4,
              num_key_value_heads=2, head_dim=16, tie_word_embeddings=False, rope_parameters=DEFAULT)
LENGTHS = [1, 5, 12]
LEFT = "model.layers.0.mlp.down_proj"


def quantised(folder, dtype, **settings):
    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype, **settings)
    model = LlamaForCausalLM.from_pretrained(folder, quantization_config=config, dtype=dtype, attn_implementation="eager")
    return model.train()  # in eval mode the CPU backend repacks the weights and rounds their constants


def logits(model, ids):
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].detach().contiguous()


def save(model, folder):
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)


def main(out):
    out = os.path.join(out, "bnb")
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**CONFIG, bos_token_id=0, eos_token_id=1))
    randomise(model, 11)
    source = os.path.join(out, "source")
    save(model.to(torch.bfloat16), source)
    save(quantised(source, torch.bfloat16, bnb_4bit_use_double_quant=True), os.path.join(out, "double"))
    plain = dict(bnb_4bit_use_double_quant=False, bnb_4bit_quant_storage=torch.bfloat16,
                 llm_int8_skip_modules=["lm_head", LEFT])
    save(quantised(source, torch.float32, **plain), os.path.join(out, "plain"))
    g = torch.Generator().manual_seed(12)
    sequences = [torch.randint(0, CONFIG["vocab_size"], (n,), generator=g).tolist() for n in LENGTHS]
    models = {
        "double": quantised(source, torch.float32, bnb_4bit_use_double_quant=True),
        "plain": quantised(source, torch.float32, **plain),
    }
    for name, m in models.items():
        write_tensors(os.path.join(out, f"{name}.logits.safetensors"),
                      {f"logits.{i}": logits(m, ids) for i, ids in enumerate(sequences)})
    write_json(os.path.join(out, "inputs.json"), {"sequences": sequences, "left": [LEFT]})


if __name__ == "__main__":
    main(sys.argv[1])
