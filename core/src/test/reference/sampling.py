"""Makes the probabilities that transformers draws the next token from, for all knobs of sampling.

usage: sampling.py OUT      writes OUT/sampling.json
"""

import sys

import common  # sets the library up
import torch
from transformers.generation.logits_process import (LogitsProcessorList, MinPLogitsWarper, RepetitionPenaltyLogitsProcessor,
                                                    TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper)

VOCAB = 24

SETTINGS = [
    dict(temperature=1.0),
    dict(temperature=0.3),
    dict(temperature=2.5),
    dict(temperature=1.0, top_k=1),
    dict(temperature=0.8, top_k=5),
    dict(temperature=1.0, top_k=100),
    dict(temperature=1.0, top_p=0.01),
    dict(temperature=1.3, top_p=0.6),
    dict(temperature=1.0, top_p=0.95),
    dict(temperature=1.0, min_p=0.1),
    dict(temperature=2.0, min_p=0.35),
    dict(temperature=1.0, min_p=0.99),
    dict(temperature=1.0, repetition_penalty=1.7),
    dict(temperature=1.0, repetition_penalty=0.6),
    dict(temperature=0.7, top_k=9, top_p=0.8, min_p=0.05, repetition_penalty=1.3),
    dict(temperature=1.5, top_k=3, top_p=0.9, min_p=0.5, repetition_penalty=1.1),
]


def processors(s):
    """In the order in which generate() puts them together."""
    chain = LogitsProcessorList()
    if "repetition_penalty" in s:
        chain.append(RepetitionPenaltyLogitsProcessor(s["repetition_penalty"]))
    chain.append(TemperatureLogitsWarper(s["temperature"]))
    if "top_k" in s:
        chain.append(TopKLogitsWarper(s["top_k"]))
    if "top_p" in s:
        chain.append(TopPLogitsWarper(s["top_p"]))
    if "min_p" in s:
        chain.append(MinPLogitsWarper(s["min_p"]))
    return chain


def main(out):
    g = torch.Generator().manual_seed(31)
    cases = []
    for s in SETTINGS:
        logits = (2 * torch.randn(1, VOCAB, generator=g)).double()
        history = torch.randint(0, VOCAB, (1, 9), generator=g)
        scores = processors(s)(history, logits.clone())
        cases.append({"settings": s, "history": history[0].tolist(), "logits": logits[0].tolist(),
                      "probabilities": torch.softmax(scores, -1)[0].tolist()})
    common.write_json(f"{out}/sampling.json", {"cases": cases})
    print(f"{len(cases)} cases, {[sum(p > 0 for p in c['probabilities']) for c in cases]} tokens kept")


if __name__ == "__main__":
    main(sys.argv[1])
