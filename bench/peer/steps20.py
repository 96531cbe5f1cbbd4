"""20 steps of QLoRA by PEFT and bitsandbytes on given rows: the loss of each step, for one way to compute.

usage: steps20.py MODEL ROWS.jsonl OUT fp32|bf16-eager|bf16-sdpa [--steps 20] [--batch 4] [--lr 2e-4] [--init DIR]

Rows of prompt and completion in the order of the file, one sequence at a time; the gradients of a step are summed and divided by its
trained tokens; torch's AdamW at a constant rate, clipping at 1. Without --init an adapter is drawn (rank 16, alpha 32, all linear) and
saved to OUT/init. Writes OUT/<way>.json.
"""

import argparse
import json
import os
import warnings

warnings.filterwarnings("ignore")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

parser = argparse.ArgumentParser()
parser.add_argument("model"), parser.add_argument("rows"), parser.add_argument("out"), parser.add_argument("way")
parser.add_argument("--steps", type=int, default=20), parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--lr", type=float, default=2e-4), parser.add_argument("--init", default="")
a = parser.parse_args()

bf16 = a.way.startswith("bf16")
dtype = torch.bfloat16 if bf16 else torch.float32
config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype)
base = AutoModelForCausalLM.from_pretrained(
    a.model, dtype=dtype, attn_implementation="sdpa" if a.way == "bf16-sdpa" else "eager", quantization_config=config)
if a.init:
    model = PeftModel.from_pretrained(base, a.init, is_trainable=True)
else:
    torch.manual_seed(0)
    model = get_peft_model(base, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"))
    model.save_pretrained(f"{a.out}/init")
model.train()  # in eval mode bitsandbytes repacks the weights and rounds their scales
parameters = [p for p in model.parameters() if p.requires_grad]
assert all(p.dtype == torch.float32 for p in parameters)
optimizer = torch.optim.AdamW(parameters, lr=a.lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)

tokenizer = Tokenizer.from_file(f"{a.model}/tokenizer.json")
tokenizer.no_padding(), tokenizer.no_truncation()
end = tokenizer.token_to_id(json.load(open(f"{a.model}/tokenizer_config.json"))["eos_token"])


def tokens(row):
    """ids and the first trained one: a token is trained when it reaches past where the completion begins, the first never."""
    encoding = tokenizer.encode(row["prompt"] + row["completion"])
    ids = list(encoding.ids)
    trained = [i > 0 and e > len(row["prompt"]) for i, (_, e) in enumerate(encoding.offsets)]
    if ids[-1] != end:
        ids.append(end), trained.append(True)
    return ids, trained.index(True)


rows = [tokens(json.loads(line)) for line in open(a.rows)][: a.steps * a.batch]
losses, counts = [], []
for step in range(a.steps):
    batch = rows[step * a.batch : (step + 1) * a.batch]
    trained = sum(len(ids) - first for ids, first in batch)
    total = 0.0
    for ids, first in batch:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[first - 1 : -1].float(), torch.tensor(ids[first:]), reduction="sum")
        (loss / trained).backward()
        total += loss.item()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step(), optimizer.zero_grad()
    losses.append(total / trained), counts.append(trained)
json.dump({"way": a.way, "losses": losses, "trained_tokens": counts}, open(f"{a.out}/{a.way}.json", "w"))
