"""Makes adapters saved by PEFT on the tiny Llamas, the logits with them, and configs that must be refused.

usage: peft_adapter.py OUT      reads OUT/llama (llama_logits.py), writes OUT/peft/
"""

import glob
import json
import os
import shutil
import sys

import peft
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from common import load, logits, read_json, write_json, write_tensors

CASES = {
    # 14 modules: PEFT writes full module paths.
    "all-linear": dict(model="grouped-tied", seed=1, config=dict(r=4, lora_alpha=8, target_modules="all-linear")),
    # 21 modules: PEFT shortens the list to leaf names (from 20 modules on).
    "all-linear-leaf-names": dict(model="llama3-rope", seed=2, config=dict(r=2, lora_alpha=3, target_modules="all-linear")),
    "rslora": dict(model="biased-sharded", seed=3,
                   config=dict(r=5, lora_alpha=7, use_rslora=True, target_modules=["q_proj", "v_proj", "mlp.down_proj"])),
    # Keys are tried in the file's order and match the end of a path as `(.*\.)?(key)$`: the first that matches wins. PEFT sorts
    # the keys when it saves, so only keys whose order is alphabetical survive it.
    "patterns": dict(model="llama3-rope", seed=4, config=dict(
        r=4, lora_alpha=8, target_modules=["q_proj", "k_proj", "o_proj", "down_proj"],
        rank_pattern={r"[02]\.self_attn\.q_proj": 7, r"^model\.layers\.0\.self_attn\.o_proj": 3, "layers.1.mlp.down_proj": 2, "mlp.down_proj": 5},
        alpha_pattern={r"layers\.2\.mlp\..*": 13, "q_proj": 5})),
    # As a hand-written config may have it: the second key of each pattern is alphabetically first.
    "patterns-file-order": dict(model="grouped-tied", seed=13, keep_order=("rank_pattern", "alpha_pattern"), config=dict(
        r=4, lora_alpha=8, target_modules=["k_proj", "gate_proj"], rank_pattern={"layers.1.self_attn.k_proj": 2, "k_proj": 6},
        alpha_pattern={"1.mlp.gate_proj": 3, "(gate|k)_proj": 10})),
    "patterns-rslora": dict(model="grouped-tied", seed=5, config=dict(
        r=3, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "up_proj"], rank_pattern={"up_proj": 6},
        alpha_pattern={"model.layers.1.self_attn.q_proj": 4})),
    "layers": dict(model="llama3-rope", seed=6,
                   config=dict(r=4, lora_alpha=8, target_modules=["k_proj", "up_proj"], layers_to_transform=[0, 2])),
    "one-layer": dict(model="llama3-rope", seed=7, config=dict(
        r=4, lora_alpha=8, target_modules=["v_proj", "gate_proj"], layers_to_transform=1, layers_pattern="layers")),
    "exclude": dict(model="grouped-tied", seed=8, config=dict(
        r=4, lora_alpha=8, target_modules=["q_proj", "o_proj", "gate_proj", "down_proj"],
        exclude_modules=["down_proj", "model.layers.0.self_attn.q_proj"])),
    "exclude-regex": dict(model="biased-sharded", seed=9, config=dict(
        r=4, lora_alpha=8, target_modules=["q_proj", "k_proj", "up_proj"], exclude_modules=r".*layers\.1\..*_proj")),
    "regex": dict(model="multi-query-bf16", seed=10,
                  config=dict(r=3, lora_alpha=16, target_modules=r".*\.(0\.self_attn\.(q|k)|1\.mlp\.\w+)_proj")),
    "bf16-stored": dict(model="multi-query-bf16", seed=11, stored=torch.bfloat16,
                        config=dict(r=4, lora_alpha=8, target_modules=["o_proj", "gate_proj"])),
    # Magnitudes that are not the norms of the rows any more, and biases of B.
    "dora": dict(model="biased-sharded", seed=14, config=dict(
        r=4, lora_alpha=8, use_dora=True, target_modules=["q_proj", "v_proj", "o_proj", "down_proj"], rank_pattern={"v_proj": 6})),
    "lora-bias": dict(model="biased-sharded", seed=15, config=dict(
        r=4, lora_alpha=10, lora_bias=True, target_modules=["q_proj", "k_proj", "up_proj"])),
    "f16-stored": dict(model="minimal-f16", seed=12, stored=torch.float16,
                       config=dict(r=4, lora_alpha=4, target_modules=["q_proj", "v_proj"])),
}

# Each changes the result and is not at its default. key: what the refusal must name.
REFUSED = {
    "bias": dict(bias="all"),
    "bias-lora-only": dict(bias="lora_only"),
    "target_parameters": dict(target_modules=[], target_parameters=["mlp.gate_proj.weight"]),
    "layer_replication": dict(layer_replication=[[0, 2], [1, 2]]),
    "fan_in_fan_out": dict(fan_in_fan_out=True),
    "use_qalora": dict(use_qalora=True),
    "alora_invocation_tokens": dict(alora_invocation_tokens=[4, 9]),
    # PEFT subtracts the initial product from the base when it loads such an adapter.
    "init_lora_weights-pissa": dict(init_lora_weights="pissa"),
    "init_lora_weights-olora": dict(init_lora_weights="olora"),
}
# From the source of PEFT 0.10.0, which wrote a config of exactly these keys.
KEYS_OF_PEFT_0_10 = (
    "alpha_pattern auto_mapping base_model_name_or_path bias fan_in_fan_out inference_mode init_lora_weights layer_replication "
    "layers_pattern layers_to_transform loftq_config lora_alpha lora_dropout megatron_config megatron_core modules_to_save "
    "peft_type r rank_pattern revision target_modules task_type use_dora use_rslora"
).split()
NAMED = {"bias-lora-only": "bias", "init_lora_weights-pissa": "init_lora_weights", "init_lora_weights-olora": "init_lora_weights"}


def sorted_targets(folder, kept=None):
    """PEFT writes a set in the order of Python's hashes, which differs from run to run; the file in git should not."""
    path = f"{folder}/adapter_config.json"
    config = read_json(path)
    for key in ("target_modules", "exclude_modules", "target_parameters"):
        if isinstance(config[key], list):
            config[key] = sorted(config[key])
    config.update(kept or {})
    with open(path, "w", encoding="utf-8") as f:
        f.write(json.dumps(config, indent=2))
    return config


@torch.no_grad()
def randomise(model, seed, b_std=0.2):
    """A as PEFT draws it, scaled up; B away from zero."""
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if ".lora_A." in name:
            p.copy_(torch.randn(p.shape, generator=g) / p.shape[-1] ** 0.5)
        elif ".lora_B." in name:
            p.copy_(b_std * torch.randn(p.shape, generator=g))
        elif "lora_magnitude_vector" in name:
            p.mul_(1 + 0.2 * torch.randn(p.shape, generator=g))


def save(model, folder, base):
    for c in model.peft_config.values():
        c.base_model_name_or_path = base
    model.save_pretrained(folder, save_embedding_layers=False)
    os.remove(f"{folder}/README.md")


def listing(folder):
    path = f"{folder}/adapter_model.safetensors"
    with safe_open(path, "pt") as f:
        metadata = f.metadata()
    with open(path, "rb") as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
    header.pop("__metadata__", None)
    tensors = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
    return {"metadata": metadata, "tensors": [{"name": n, "dtype": t["dtype"], "shape": t["shape"]} for n, t in tensors],
            "config_keys": list(read_json(f"{folder}/adapter_config.json"))}


def one(out, name, spec):
    folder, base = f"{out}/peft/{name}", f"{out}/llama/{spec['model']}/model"
    torch.manual_seed(spec["seed"])
    model = get_peft_model(load(base), LoraConfig(task_type="CAUSAL_LM", **spec["config"]))
    randomise(model, spec["seed"])
    save(model, f"{folder}/adapter", spec["model"])
    if "stored" in spec:
        path = f"{folder}/adapter/adapter_model.safetensors"
        save_file({k: v.to(spec["stored"]) for k, v in load_file(path).items()}, path, metadata={"format": "pt"})
    config = sorted_targets(f"{folder}/adapter", {k: spec["config"][k] for k in spec.get("keep_order", ())})

    plain = load(base)
    model = PeftModel.from_pretrained(load(base), f"{folder}/adapter").eval()
    modules = sorted({n.split("base_model.model.")[1].split(".lora_A")[0] for n, _ in model.named_parameters() if ".lora_A." in n})
    g = torch.Generator().manual_seed(200 + spec["seed"])
    sequences = [torch.randint(0, plain.config.vocab_size, (n,), generator=g).tolist() for n in (1, 19)]
    values = [logits(model, s) for s in sequences]
    change = max((logits(plain, s) - v).abs().max().item() for s, v in zip(sequences, values))
    largest = max(v.abs().max().item() for v in values)
    assert change > 0.05 * largest, (name, change)
    write_json(f"{folder}/inputs.json", {"model": spec["model"], "sequences": sequences, "largest_logit": largest, "modules": modules})
    write_tensors(f"{folder}/logits.safetensors", {f"logits.{i}": v for i, v in enumerate(values)})
    print(f"{name}: {len(modules)} modules, largest logit {largest:.3f}, changed by {change:.3f}")
    return {"asked": spec["config"], "written": config["target_modules"], **listing(f"{folder}/adapter")}


def main(out):
    shutil.rmtree(f"{out}/peft", ignore_errors=True)
    written = {name: one(out, name, spec) for name, spec in CASES.items()}
    for name, change in REFUSED.items():
        config = LoraConfig(**{"task_type": "CAUSAL_LM", "r": 4, "target_modules": ["q_proj"], "base_model_name_or_path": "grouped-tied",
                               "inference_mode": True, **change})
        config.save_pretrained(f"{out}/peft/refused/{name}")
        sorted_targets(f"{out}/peft/refused/{name}")
    write_json(f"{out}/peft/refused/cases.json", {n: NAMED.get(n, n) for n in REFUSED})

    defaults = LoraConfig(task_type="CAUSAL_LM").to_dict()
    defaults = {k: getattr(v, "value", v) for k, v in sorted(defaults.items())}
    write_json(f"{out}/peft/written.json", {"peft": peft.__version__, "keys_of_peft_0_10": KEYS_OF_PEFT_0_10, "defaults": defaults, "cases": written})


if __name__ == "__main__":
    main(sys.argv[1])
