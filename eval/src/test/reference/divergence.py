"""How far a model with an adapter is from its base on texts, in float64, by transformers and PEFT.

usage: divergence.py GOLDENS       reads llama/grouped-tied/model and peft of core's goldens, writes GOLDENS/divergence.json

Windows are those of lm-evaluation-harness. Of every token that is scored, KL(base ‖ adapter) over the vocabulary, in nats.
Versions: lm-eval 0.4.13, transformers 5.24.0, torch 2.15.0, peft 0.21.2, CPython 3.11.
"""

import pathlib
import random
import sys

here = sys.path.pop(0)  # a script beside this one has the name of a module that torch imports
import statistics  # noqa: F401

sys.path.insert(0, here)
CORE = pathlib.Path(__file__).resolve().parents[4] / "core/src/test"
sys.path.append(str(CORE / "reference"))  # common

import torch
from common import WORDS, write_json
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

ADAPTERS = ["all-linear", "patterns-rslora"]


def texts():
    rng = random.Random(30)
    made = [" ".join(rng.choice(WORDS) for _ in range(n)) for n in (1, 5, 20, 60, 200, 700)]
    return made + ["", "  \n", "Grüße, naïve 東京."]


def main(goldens):
    models = CORE / "resources/golden"
    folder = f"{models}/llama/grouped-tied/model"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
    length = base.config.max_position_embeddings
    prefix = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    cases = []
    for text in texts():
        ids = tokenizer(text)["input_ids"]
        windows = [make_disjoint_window(w) for w in get_rolling_token_windows(ids, prefix, length, 1)]
        cases.append(dict(text=text, windows=windows, found={}))
    plain = [[base(torch.tensor([(c + t)[:-1]])).logits[0, -len(t):].detach() for c, t in case["windows"]] for case in cases]
    for name in ADAPTERS:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
        model = PeftModel.from_pretrained(model, f"{models}/peft/{name}/adapter").to(torch.float64).eval()
        for case, before in zip(cases, plain):
            total, tokens = 0.0, 0
            for (context, target), reference in zip(case["windows"], before):
                logits = model(torch.tensor([(context + target)[:-1]])).logits[0, -len(target):].detach()
                p, q = reference.log_softmax(-1), logits.log_softmax(-1)
                total += float((p.exp() * (p - q)).sum())
                tokens += len(target)
            case["found"][name] = [total, tokens]
    write_json(f"{goldens}/divergence.json", [dict(text=c["text"], found=c["found"]) for c in cases])


main(sys.argv[1])
