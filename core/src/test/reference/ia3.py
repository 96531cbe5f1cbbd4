"""Makes an (IA)³ adapter of PEFT on a tiny Llama with biases: its logits, those of the merged model, and 20 steps of training.

usage: ia3.py OUT      reads OUT/llama (llama_logits.py), writes OUT/ia3/

PEFT 0.21.2, torch 2.15, transformers 5.24. k_proj and v_proj have biases, which their vectors scale too; down_proj is a feedforward
module. The vectors begin away from one.
"""

import json
import shutil
import sys

import torch
from peft import IA3Config, PeftModel, get_peft_model

import train20_variants
from common import load, logits, read_json, write_json, write_rows, write_tensors
from peft_adapter import save
from train20 import BATCH, STEPS, WEIGHT_DECAY, token_rows

MODEL = "biased-sharded"
SEED = 11
CONFIG = dict(target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"])


def main(out):
    folder, base = f"{out}/ia3", f"{out}/llama/{MODEL}/model"
    shutil.rmtree(folder, ignore_errors=True)
    model = get_peft_model(load(base), IA3Config(task_type="CAUSAL_LM", **CONFIG))
    g = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if ".ia3_l." in name:
                p.add_(0.3 * torch.randn(p.shape, generator=g))
    save(model, f"{folder}/init", MODEL)
    config = read_json(f"{folder}/init/adapter_config.json") | {k: sorted(v) for k, v in CONFIG.items()}
    with open(f"{folder}/init/adapter_config.json", "w", encoding="utf-8") as f:
        f.write(json.dumps(config, indent=2))

    model = PeftModel.from_pretrained(load(base), f"{folder}/init").eval()
    ids = torch.randint(0, model.config.vocab_size, (9,), generator=g).tolist()
    with torch.no_grad():
        write_tensors(f"{folder}/logits.safetensors", {"attached": logits(model, ids), "base": logits(load(base), ids)})
        merged = model.merge_and_unload()
        layer = merged.model.layers[0]
        write_tensors(f"{folder}/merged.safetensors", {"k_proj.bias": layer.self_attn.k_proj.bias, "down_proj": layer.mlp.down_proj.weight})

    rows = token_rows(SEED, model.config.vocab_size)
    write_rows(f"{folder}/rows.jsonl", rows)
    history = train20_variants.train(PeftModel.from_pretrained(load(base), f"{folder}/init", is_trainable=True), rows, None)
    write_json(f"{folder}/expected.json", {
        "model": MODEL, "ids": ids,
        "settings": {"batch_size": BATCH, "steps": STEPS, "learning_rate": train20_variants.RATE, "weight_decay": WEIGHT_DECAY,
                     "max_grad_norm": train20_variants.CLIP},
        **history})
    print(f"ia3: loss {history['losses'][0]:.4f} to {history['losses'][-1]:.4f}")


if __name__ == "__main__":
    main(sys.argv[1])
