"""Writes tiny Llamas with what transformers and PEFT make of them, for a check that drives `./nudge` from outside.

usage: outside.py GOLDEN OUT      GOLDEN: core/src/test/resources/golden (its tokenizer is used); writes OUT/<name>/model, adapter,
                                  data.jsonl, expected.json: score, adapter_score, settings, losses, after_score

Twenty steps of AdamW from the adapter, rows in file order, rates constant. One sequence at a time, fp32, eager attention.
"""

import random
import shutil
import sys

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from common import VOCAB, load, row_tokens, sentence, write_json, write_rows
from llama_logits import DEFAULT, LLAMA3, randomise
from peft_adapter import save, sorted_targets
from train20 import BATCH, WEIGHT_DECAY, score, train, trainable

ROWS, STEPS = 24, 20
torch.set_num_threads(1)  # products this small only wait for each other

CASES = {
    "odd-untied": dict(seed=41, config=dict(hidden_size=36, intermediate_size=59, num_hidden_layers=3, num_attention_heads=6,
                                            num_key_value_heads=3, head_dim=10, rope_parameters=DEFAULT)),
    "one-head-tied": dict(seed=42, config=dict(hidden_size=16, intermediate_size=20, num_hidden_layers=1, num_attention_heads=1,
                                               num_key_value_heads=1, tie_word_embeddings=True, rope_parameters=DEFAULT)),
    "biased": dict(seed=43, config=dict(hidden_size=40, intermediate_size=64, num_hidden_layers=2, num_attention_heads=5,
                                        num_key_value_heads=5, attention_bias=True, mlp_bias=True, rms_norm_eps=1e-5,
                                        rope_parameters=dict(rope_type="default", rope_theta=500000.0))),
    "llama3-tied": dict(seed=44, rslora=True, targets=["q_proj", "v_proj", "up_proj"],
                        config=dict(hidden_size=48, intermediate_size=80, num_hidden_layers=4, num_attention_heads=6,
                                    num_key_value_heads=2, head_dim=16, tie_word_embeddings=True, rope_parameters=LLAMA3)),
    "linear-rope": dict(seed=45, targets="all-linear",
                        config=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=1,
                                    rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0))),
    "bf16-stored": dict(seed=46, stored=torch.bfloat16,
                        config=dict(hidden_size=64, intermediate_size=100, num_hidden_layers=2, num_attention_heads=8,
                                    num_key_value_heads=4, rope_parameters=DEFAULT)),
    "f16-sharded": dict(seed=47, stored=torch.float16, shard="40KB",
                        config=dict(hidden_size=32, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4,
                                    num_key_value_heads=2, rope_parameters=DEFAULT)),
}


def one(golden, out, name, spec):
    folder = f"{out}/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    stored = spec.get("stored", torch.float32)
    config = LlamaConfig(vocab_size=VOCAB, max_position_embeddings=512, bos_token_id=0, eos_token_id=1, pad_token_id=2, **spec["config"])
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config)
    randomise(model, spec["seed"])
    model = model.to(stored)
    model.config.dtype = stored
    model.save_pretrained(f"{folder}/model", max_shard_size=spec.get("shard", "5GB"))
    for f in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(f"{golden}/tokenizer/plain/{f}", f"{folder}/model/{f}")

    torch.manual_seed(spec["seed"])
    adapted = get_peft_model(load(f"{folder}/model"), LoraConfig(
        task_type="CAUSAL_LM", r=4 + spec["seed"] % 3, lora_alpha=9, use_rslora=spec.get("rslora", False),
        target_modules=spec.get("targets", "all-linear")))
    g = torch.Generator().manual_seed(spec["seed"])
    with torch.no_grad():
        for n, p in adapted.named_parameters():
            if ".lora_B." in n:
                p.copy_(0.05 * torch.randn(p.shape, generator=g))
    save(adapted, f"{folder}/adapter", name)
    sorted_targets(f"{folder}/adapter")

    rng = random.Random(spec["seed"])
    texts = [{"prompt": sentence(rng, 1, 40 if i % 6 == 0 else 9), "completion": " " + sentence(rng, 1, 9)} for i in range(ROWS)]
    write_rows(f"{folder}/data.jsonl", texts)
    tokenizer = Tokenizer.from_file(f"{golden}/tokenizer/plain/tokenizer.json")
    rows = [row_tokens(tokenizer, r["prompt"], r["completion"], 1) for r in texts]
    learning_rate, norm = 3e-3, 1.0
    base = [{"logprob": s} for s in score(load(f"{folder}/model"), rows)]
    model = trainable(f"{folder}/model", f"{folder}/adapter", torch.float32)
    before = score(model, rows)
    history = train(model, rows, learning_rate, norm)
    write_json(f"{folder}/expected.json", {
        "settings": {"batch_size": BATCH, "steps": STEPS, "learning_rate": learning_rate, "weight_decay": WEIGHT_DECAY, "max_grad_norm": norm},
        "score": base[:20], "adapter_score": before[:20], "losses": history["losses"], "after_score": score(model, rows)[:20]})
    print(f"{name}: loss {history['losses'][0]:.4f} to {history['losses'][-1]:.4f}")


def main(golden, out):
    for name, spec in CASES.items():
        one(golden, out, name, spec)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
