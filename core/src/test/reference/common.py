"""What the reference scripts share: tiny models, the tiny tokenizer, the rule for the tokens of a row, files that do not depend on the machine."""

import json
import os
import random
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
warnings.filterwarnings("ignore")

import torch
from safetensors.torch import save_file
from transformers import LlamaForCausalLM
from transformers.utils import logging as transformers_logging

torch.set_num_threads(2)
transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

SPECIALS = ["<s>", "</s>", "<pad>"]
VOCAB = 320

WORDS = (
    "the a of and over under near its when then valve pump seal filter module pressure bar unit check reads rises leaks "
    "restart please low high seven nine two zwölf naïve café señor 42 3.14 -7 0x1F 漢字 каша 🙂 👩‍🔧 ü é"
).split()


def layout(value, indent=0):
    """JSON with lists of numbers, and whatever else is short, on one line."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    flat = isinstance(value, list) and all(isinstance(v, (int, float, str)) for v in value)
    if flat or len(line) <= 140 or not isinstance(value, (dict, list)):
        return line
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        parts = [f"{json.dumps(k, ensure_ascii=False)}: {layout(v, indent + 1)}" for k, v in value.items()]
        opening, closing = "{}"
    else:
        parts = [layout(v, indent + 1) for v in value]
        opening, closing = "[]"
    return opening + "\n" + ",\n".join(pad + p for p in parts) + "\n" + " " * indent + closing


def write_json(path, value):
    """Numbers are written so that they read back to the same double."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(layout(value) + "\n")


def read_json(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def write_rows(path, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_tensors(path, tensors):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, path)


def sentence(rng, low, high):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


def load(folder, dtype=torch.float32, **config):
    model = LlamaForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager", **config)
    # Stored float16 or bfloat16 values are widened here, never the other way round.
    return model.to(dtype).eval()


@torch.no_grad()
def logits(model, ids):
    """Logits of every position of one sequence, without padding, as (tokens, vocab)."""
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].contiguous()


def row_loss(model, row):
    """Sum of the negative log-probabilities of a row's trained tokens, and their number."""
    first, ids = row["first_trained"], row["ids"]
    out = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    loss = torch.nn.functional.cross_entropy(out[first - 1 : -1], torch.tensor(ids[first:]), reduction="sum")
    return loss, len(ids) - first


def row_tokens(tokenizer, prompt, completion, eos_id):
    """ids, index of the first trained token, and offsets in code points (None for an end token that was added).

    One text is encoded; a token is trained when it reaches past the character where the completion begins.
    """
    boundary = len(prompt)
    encoding = tokenizer.encode(prompt + completion)
    ids, offsets = list(encoding.ids), [list(o) for o in encoding.offsets]
    trained = [i > 0 and end > boundary for i, (_, end) in enumerate(offsets)]
    if ids and ids[-1] == eos_id:
        trained[-1] = len(ids) > 1
    else:
        trained.append(len(ids) > 0)
        ids.append(eos_id)
        offsets.append(None)
    first = trained.index(True) if True in trained else len(ids)
    assert all(trained[first:]), "trained tokens are the end of a row"
    return {"ids": ids, "first_trained": first, "offsets": offsets}
