"""Loads a folder of `nudge init --tokenizer-data` in tokenizers and transformers and says what it found; a recorded run.

usage: init_loads.py FOLDER
"""

import json
import sys

import common  # noqa: F401, sets what keeps it quiet and offline
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

EVERYTHING = "".join(map(chr, range(0x20, 0x250))) + "\x00\x01\n\n\t \r\n it's 12 漢字 😀👩‍🔧 \u2028 \u00a0 end  "


def main(folder):
    config = json.load(open(f"{folder}/config.json"))
    plain = Tokenizer.from_file(f"{folder}/tokenizer.json")
    auto = AutoTokenizer.from_pretrained(folder)
    for tokenizer in (plain, auto):
        ids = tokenizer.encode(EVERYTHING)
        ids = ids if isinstance(ids, list) else ids.ids
        assert tokenizer.decode(ids) == EVERYTHING, tokenizer
    assert auto(EVERYTHING)["input_ids"] == plain.encode(EVERYTHING).ids
    assert plain.get_vocab_size() == config["vocab_size"] == len(auto)
    assert auto.eos_token_id == config["eos_token_id"]
    model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"], report
    torch.manual_seed(0)
    fresh = AutoModelForCausalLM.from_config(model.config, dtype=model.dtype)
    theirs = dict(fresh.named_parameters())
    for name, parameter in model.named_parameters():
        p, q = parameter.double(), theirs[name].double()
        print(f"{name:50} {str(parameter.dtype):15} mean {p.mean():+.6f} ({q.mean():+.6f}) deviation {p.std():.6f} ({q.std():.6f})")
    loss = model(input_ids=torch.tensor([plain.encode("the pump reads").ids]), labels=torch.tensor([plain.encode("the pump reads").ids])).loss
    print(f"loss {loss:.3f}, ln(vocab) {torch.log(torch.tensor(float(config['vocab_size']))):.3f}, tokenizer {type(auto).__name__}")


if __name__ == "__main__":
    main(sys.argv[1])
