"""Scores rows and completes prompts with SmolLM2-135M-Instruct in fp32, as transformers does.

usage: smollm2.py OUT MODEL      writes OUT/smollm2/expected.json (numbers and token ids; no text of the model)
"""

import sys

import torch
from tokenizers import Tokenizer

from common import load, logits, read_json, row_tokens, write_json

torch.set_num_threads(1)  # one token at a time is bound by memory; a second thread waits
NEW_TOKENS, SMALLEST_GAP = 64, 1e-2


def chat(text):
    return f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"


ROWS = [
    ("The pump stopped because", " the valve was closed."),
    ("Query: my card has not arrived\nIntent:", " card_arrival"),
    ("Query: the machine kept my card\nIntent:", " card_swallowed"),
    ("2 + 2 =", " 4"),
    ("The capital of France is", " Paris."),
    (chat("What is the capital of France? Answer with one word."), "Paris"),
    (chat("What is the capital of France?"), "The capital of France is Paris."),
    (chat("Say hello."), "Hello!"),
    (chat("What is the capital of Italy?"), "The capital of Italy is Rome."),
    (chat("What is the capital of Spain?"), "The capital of Spain is Madrid."),
    (chat("Repeat exactly: yes"), "Yes"),
    (chat("Which filter do I replace first?"), "Replace the oil filter first, then the air filter; both are behind the left cover."),
    ("", "A row without a prompt trains every token but the first."),
    ("unde", "r the bridge"),
    ("Das Ventil ist", " geschlossen, weil der Druck zu hoch war."),
    ("naïve cafe\u0301 ", "señor 漢字 🙂 каша"),
    ("def add(a, b):\n", "    return a + b\n"),
    ("1, 1, 2, 3, 5, 8, 13,", " 21, 34, 55, 89, 144"),
    ("Pressure low. Pressure low. Pressure low.", " Pressure low."),
    ("End token inside<|im_end|> and more", " text after it"),
    ("Ends by itself", " here<|im_end|>"),
    (" ".join(f"Step {i}: open valve {i}, wait {i} seconds, close valve {i}." for i in range(1, 21)), " Step 21: open valve 21, wait 21 seconds, close valve 21."),
]

# A comparison of tokens is fair where no choice hangs on the order of additions: prompts with a lead under SMALLEST_GAP were left out.
PROMPTS = [
    "Once upon a time there was a pump that",
    "def fibonacci(n):\n",
    "1, 2, 3, 4, 5,",
    chat("What is the capital of Italy?"),
    chat("Name three things that a mechanic needs."),
    chat("What is 7 times 8?"),
    chat("Translate to French: good morning"),
    chat("Say hello."),
    "Das Wetter ist heute",
    "To replace the filter, first",
    "<html>\n<head>\n",
    "🙂🙂🙂",
]


@torch.no_grad()
def score(model, row):
    ids, first = row["ids"], row["first_trained"]
    out = logits(model, ids)[first - 1 : -1]
    want = torch.tensor(ids[first:])
    each = out.log_softmax(-1).gather(1, want[:, None])[:, 0]
    greedy = (out.argmax(-1) == want).tolist()
    rest = out.scatter(1, want[:, None], float("-inf")).max(-1).values
    margin = (out.gather(1, want[:, None])[:, 0] - rest).tolist()
    # How far the flag is from turning over: the worst token decides.
    return {"tokens": len(ids) - first, "logprob": each.double().sum().item(), "greedy": all(greedy), "greedy_margin": min(margin), "logprobs": each.tolist()}


@torch.no_grad()
def complete(model, prompt_ids, eos_id):
    """Greedy tokens, the end token included, and the smallest lead of a token over the second."""
    out = model.generate(torch.tensor([prompt_ids]), max_new_tokens=NEW_TOKENS, do_sample=False, eos_token_id=eos_id, pad_token_id=eos_id,
                         output_logits=True, return_dict_in_generate=True)
    ids = out.sequences[0, len(prompt_ids):].tolist()
    top = torch.cat(out.logits).topk(2).values
    whole = logits(model, prompt_ids + ids)[len(prompt_ids) - 1 : -1]
    assert whole.argmax(-1).tolist() == ids, "with and without a cache"
    return ids, (top[:, 0] - top[:, 1]).min().item()


def main(out, folder):
    model, tokenizer = load(folder), Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    eos_id = tokenizer.token_to_id(read_json(f"{folder}/tokenizer_config.json")["eos_token"])
    rows = []
    for prompt, completion in ROWS:
        row = row_tokens(tokenizer, prompt, completion, eos_id)
        rows.append({"prompt": prompt, "completion": completion, "ids": row["ids"], "first_trained": row["first_trained"], **score(model, row)})
        print(f"{rows[-1]['tokens']:3} tokens {rows[-1]['logprob']:10.4f} {rows[-1]['greedy']} {rows[-1]['greedy_margin']:.4f} {prompt[-30:]!r}")
    completions = []
    for prompt in PROMPTS:
        prompt_ids = tokenizer.encode(prompt).ids
        ids, gap = complete(model, prompt_ids, eos_id)
        print(f"{len(ids):3} new tokens, smallest gap {gap:.4f} {prompt[-30:]!r}", flush=True)
        assert gap > SMALLEST_GAP
        completions.append({"prompt": prompt, "prompt_ids": prompt_ids, "ids": ids, "stop": "eos" if ids[-1] == eos_id else "length", "smallest_gap": gap})
    assert sum(c["stop"] == "length" for c in completions) >= 10
    write_json(f"{out}/smollm2/expected.json", {"model": "SmolLM2-135M-Instruct", "eos_id": eos_id, "max_tokens": NEW_TOKENS, "rows": rows, "generate": completions})


if __name__ == "__main__":
    main(*sys.argv[1:])
