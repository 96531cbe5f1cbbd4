"""Trains LoRA adapters for 20 steps on tiny Llamas whose layers bitsandbytes holds in NF4: the loss and gradient norm of each step.

usage: train20_nf4.py OUT      writes OUT/train-nf4/<name>/

fp32 compute, one sequence at a time, in train mode: in eval mode bitsandbytes 0.50 repacks the weights of its CPU layers and rounds
their scales. Widths are multiples of 64, where its CPU dequantise is right.
"""

import shutil
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

from common import write_json, write_rows
from llama_logits import DEFAULT, randomise
from peft_adapter import save, sorted_targets
from train20 import BATCH, STEPS, WEIGHT_DECAY, token_rows, train

CASES = {
    # Scales in eight bits, weights stored in bf16, fewer key-value heads.
    "nested-bf16": dict(seed=1, double_quant=True, stored=torch.bfloat16, learning_rate=5e-3, max_grad_norm=1.0, config=dict(
        vocab_size=131, hidden_size=64, intermediate_size=192, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=16, tie_word_embeddings=True, rope_parameters=DEFAULT)),
    # Scales in fp32, weights stored in fp32, biases, a head of its own.
    "plain-biased": dict(seed=2, double_quant=False, stored=torch.float32, learning_rate=5e-3, max_grad_norm=1.3, config=dict(
        vocab_size=101, hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        attention_bias=True, mlp_bias=True, rope_parameters=DEFAULT)),
}


def quantised(folder, double_quant):
    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=double_quant,
                                bnb_4bit_compute_dtype=torch.float32)
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", quantization_config=config)


def one(out, name, spec):
    folder = f"{out}/train-nf4/{name}"
    config = LlamaConfig(max_position_embeddings=512, bos_token_id=0, eos_token_id=1, pad_token_id=2, **spec["config"])
    model = LlamaForCausalLM(config)
    randomise(model, spec["seed"])
    model = model.to(spec["stored"])
    model.config.dtype = spec["stored"]
    model.save_pretrained(f"{folder}/model")

    torch.manual_seed(spec["seed"])
    model = get_peft_model(quantised(f"{folder}/model", spec["double_quant"]),
                           LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules="all-linear"))
    g = torch.Generator().manual_seed(spec["seed"])
    with torch.no_grad():
        for n, p in model.named_parameters():
            if ".lora_B." in n:
                p.copy_(0.1 * torch.randn(p.shape, generator=g))
    save(model, f"{folder}/init", name)
    sorted_targets(f"{folder}/init")
    rows = token_rows(spec["seed"], config.vocab_size)
    write_rows(f"{folder}/rows.jsonl", rows)

    model = PeftModel.from_pretrained(quantised(f"{folder}/model", spec["double_quant"]), f"{folder}/init", is_trainable=True).train()
    assert all(p.dtype == torch.float32 for p in model.parameters() if p.requires_grad)
    history = train(model, rows, spec["learning_rate"], spec["max_grad_norm"])
    dense = LlamaForCausalLM.from_pretrained(f"{folder}/model", dtype=torch.float32, attn_implementation="eager")
    dense = train(PeftModel.from_pretrained(dense, f"{folder}/init", is_trainable=True).train(), rows, spec["learning_rate"],
                  spec["max_grad_norm"])
    write_json(f"{folder}/expected.json", {
        "settings": {"batch_size": BATCH, "steps": STEPS, "learning_rate": spec["learning_rate"], "weight_decay": WEIGHT_DECAY,
                     "max_grad_norm": spec["max_grad_norm"], "double_quant": spec["double_quant"]},
        **history, "losses_unquantised": dense["losses"]})
    print(f"{name}: loss {history['losses'][0]:.4f} to {history['losses'][-1]:.4f}, unquantised {dense['losses'][0]:.4f} to "
          f"{dense['losses'][-1]:.4f}")


def main(out):
    shutil.rmtree(f"{out}/train-nf4", ignore_errors=True)
    for name, spec in CASES.items():
        one(out, name, spec)


if __name__ == "__main__":
    main(sys.argv[1])
