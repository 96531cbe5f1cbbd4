"""Writes what transformers makes of the rotary settings of families whose layers with a window turn otherwise than the others.

usage: rope_kinds.py OUT      writes OUT/rope-kinds.json (made with transformers 5.24.0, torch 2.15.0)

read: config.json → frequencies and factor of both kinds of layers, for short sequences and for one of LONG tokens.
fails: configs that transformers does not take.
misread: configs of which transformers leaves a part unread without a word; that it does is asserted here.
"""

import copy
import sys

import torch
import transformers
from transformers import Gemma3TextConfig, LlamaConfig, Olmo3Config
from transformers.models.gemma3.modeling_gemma3 import Gemma3RotaryEmbedding
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
from transformers.models.olmo3.modeling_olmo3 import Olmo3RotaryEmbedding

from common import write_json

LONG = 384
FULL, SLIDING = "full_attention", "sliding_attention"
SMALL = dict(hidden_size=64, num_attention_heads=4, num_key_value_heads=2, intermediate_size=96, vocab_size=99, num_hidden_layers=2,
             max_position_embeddings=128, layer_types=[SLIDING, FULL], sliding_window=8)
FAMILIES = {
    "gemma3_text": (Gemma3TextConfig, Gemma3RotaryEmbedding, dict(SMALL, head_dim=16), dict(rope_theta=20000.0, rope_local_base_freq=3000.0)),
    "olmo3": (Olmo3Config, Olmo3RotaryEmbedding, SMALL, dict(rope_theta=500000.0)),
}


def rope(kind, **more):
    return dict(rope_type=kind, **more)


def kinds(full, sliding, **beside):
    return dict(rope_parameters={FULL: full, SLIDING: sliding, **beside})


LINEAR = rope("linear", factor=8.0)
YARN = rope("yarn", factor=4.0)
LISTS = dict(short_factor=[1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7], long_factor=[1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
LLAMA3 = rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0)

# beside: with what the family has beside the objects.
READ = {
    "nothing": (False, {}),
    "what stands beside": (True, {}),
    "nulls": (True, dict(rope_parameters=None, rope_scaling=None)),
    "scaling": (False, dict(rope_scaling=LINEAR)),
    "scaling with what stands beside": (True, dict(rope_scaling=LINEAR)),
    "scaling with theta": (True, dict(rope_scaling=dict(LINEAR, rope_theta=7000.0))),
    "scaling with both names of the type": (False, dict(rope_scaling=dict(LINEAR, type="linear"))),
    "empty scaling": (True, dict(rope_scaling={})),
    "empty parameters": (True, dict(rope_parameters={})),
    "kinds": (True, kinds(dict(LINEAR, rope_theta=1e6), rope("default", rope_theta=30000.0))),
    "kinds without theta": (False, kinds(LINEAR, rope("default"))),
    "kinds without theta, with what stands beside": (True, kinds(LINEAR, rope("linear", factor=2.0))),
    "full alone": (True, dict(rope_parameters={FULL: dict(LINEAR, rope_theta=7e5)})),
    "sliding alone": (True, dict(rope_parameters={SLIDING: rope("linear", factor=2.0, rope_theta=40000.0)})),
    "null kinds": (True, kinds(None, None)),
    "empty kinds": (True, kinds({}, {})),
    "kinds by the older name of the type": (False, kinds(dict(type="linear", factor=4.0), dict(type="linear", factor=2.0))),
    "scaling laid on kinds": (True, dict(kinds(rope("default", rope_theta=7e5), dict(rope_theta=9000.0)), rope_scaling=LINEAR)),
    "scaling with theta laid on kinds": (True, dict(kinds(rope("linear", factor=2.0, rope_theta=7e5), None), rope_scaling=dict(factor=3.0, rope_theta=6e4))),
    "scaling by the older name laid on kinds": (False, dict(kinds(dict(rope_theta=7e5), {}), rope_scaling=dict(type="linear", factor=8.0))),
    "empty scaling beside kinds": (False, dict(kinds(dict(LINEAR, rope_theta=7e5), None), rope_scaling={})),
    "one for all beside kinds": (True, kinds(rope("default", rope_theta=7e5), rope("default", rope_theta=8e3), **dict(LINEAR, rope_theta=5e3))),
    "yarn": (False, kinds(dict(YARN, original_max_position_embeddings=32), None)),
    "yarn by itself": (False, kinds(dict(YARN, truncate=True, beta_fast=8.0, attention_factor=0.7), None)),
    "yarn in scaling, original beside": (True, dict(rope_scaling=YARN, original_max_position_embeddings=32)),
    "llama3, original beside": (False, dict(kinds(LLAMA3, dict(LLAMA3, original_max_position_embeddings=64)), original_max_position_embeddings=32)),
    "longrope": (False, kinds(rope("longrope", original_max_position_embeddings=32, **LISTS), rope("longrope", factor=6.0, **LISTS))),
    "dynamic": (True, kinds(rope("dynamic", factor=3.0), rope("dynamic", factor=2.0))),
    "a part of plain heads": (False, dict(partial_rotary_factor=0.5)),
}

FAILS = {
    "scaling beside one for all": dict(rope_parameters=rope("default", rope_theta=7e5), rope_scaling=LINEAR),
    "scaling beside sliding alone": dict(rope_parameters={SLIDING: {}}, rope_scaling=LINEAR),
    "scaling beside a null": dict(kinds(None, {}), rope_scaling=LINEAR),
    "linear without factor": kinds(rope("linear"), None),
    "null theta": kinds(rope("default", rope_theta=None), None),
    "unknown type": kinds(rope("spiral"), None),
}

# family, config, the same without what is not read, the kinds of which that is so
BOTH = (FULL, SLIDING)
MISREAD = {
    "gemma3_text: one for all": ("gemma3_text", dict(rope_parameters=dict(LINEAR, rope_theta=7e5)), {}, BOTH),
    "olmo3: one for all": ("olmo3", dict(rope_parameters=dict(LINEAR, rope_theta=7e5)), {}, BOTH),
    "gemma3_text: the older name of the type": ("gemma3_text", dict(rope_scaling=dict(type="linear", factor=8.0)), {}, BOTH),
    "olmo3: the older name of the type": ("olmo3", dict(rope_scaling=dict(type="linear", factor=8.0)), {}, BOTH),
    "gemma3_text: the older name laid on kinds": (
        "gemma3_text", dict(kinds(rope("default"), {}), rope_scaling=dict(type="linear", factor=8.0)), kinds(rope("default"), {}), BOTH),
    "gemma3_text: kinds in scaling": ("gemma3_text", dict(rope_scaling={FULL: LINEAR, SLIDING: LINEAR}), {}, BOTH),
    "olmo3: truncate": ("olmo3", dict(rope_scaling=dict(YARN, truncate=False)), dict(rope_scaling=YARN), BOTH),
    "gemma3_text: truncate of a kind": ("gemma3_text", kinds(dict(YARN, truncate=False), {}), kinds(YARN, {}), BOTH),
    "olmo3: theta beside, of layers with a window": ("olmo3", dict(rope_theta=200000.0), {}, (SLIDING,)),
    "llama: kinds": ("llama", kinds(LINEAR, LINEAR), {}, ("all",)),
}


def given(family, beside, more):
    """The text of a config.json."""
    alike = {k: v for k, v in SMALL.items() if k not in ("layer_types", "sliding_window")}
    _, _, small, around = FAMILIES.get(family, (None, None, alike, {}))
    return copy.deepcopy({"model_type": family, **small, **(around if beside else {}), **more})


def fails(config):
    try:
        turns(config)
    except Exception as e:
        return type(e).__name__
    return None


def numbers(frequencies):
    """As short as eight digits are."""
    return [float(f"{f:.8g}") for f in frequencies]


@torch.no_grad()
def turns(config):
    """Frequencies and the factor of cosines and sines by kind of layer."""
    config = copy.deepcopy(config)
    family = config.pop("model_type")
    if family == "llama":
        rotary = LlamaRotaryEmbedding(LlamaConfig(**config))
        return {"all": numbers(rotary.inv_freq)}
    make, module, _, _ = FAMILIES[family]
    rotary = module(make(**config))
    found = {}
    for kind in BOTH:
        short = numbers(getattr(rotary, f"{kind}_inv_freq"))
        factor = float(getattr(rotary, f"{kind}_attention_scaling"))
        rotary(torch.zeros(1), torch.arange(LONG)[None], kind)
        found[kind] = {"inv_freq": short, "long_inv_freq": numbers(getattr(rotary, f"{kind}_inv_freq")), "factor": factor}
    return found


def main(out):
    read, failing, misread = {}, {}, {}
    for family in FAMILIES:
        for name, (beside, more) in READ.items():
            config = given(family, beside, more)
            read[f"{family}: {name}"] = {"config": config, **turns(config)}
        for name, more in FAILS.items():
            config = given(family, False, more)
            failing[f"{family}: {name}"] = {"config": config, "raises": fails(config)}
    for name, (family, more, without, of) in MISREAD.items():
        config = given(family, False, more)
        a, b = turns(config), turns(given(family, False, without))
        assert all(a[kind] == b[kind] for kind in of), name
        misread[name] = {"config": config}
    assert all(f["raises"] for f in failing.values()), failing
    write_json(f"{out}/rope-kinds.json", {"long": LONG, "read": read, "fails": failing, "misread": misread})
    print(f"transformers {transformers.__version__}, torch {torch.__version__}: {len(read)} read, {len(failing)} fail, {len(misread)} misread", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
