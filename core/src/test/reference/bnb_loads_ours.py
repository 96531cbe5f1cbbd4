"""Loads a folder that `nudge quantize` wrote in transformers + bitsandbytes on CPU and compares it with what they make of the source.

usage: bnb_loads_ours.py SOURCE OURS [DATA SCORES]
Every parameter and its state must be equal, byte for byte, the dequantised weights and the logits too. With DATA (rows of
prompt and completion) and SCORES (what `./nudge score --model OURS --data DATA --compute fp32` printed), log-probabilities
are compared as well. Exit 0 where all holds.
"""

import json
import sys

import torch
from bitsandbytes import functional as F
from bitsandbytes.nn import Linear4bit
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from common import row_loss, row_tokens

source, ours = sys.argv[1:3]
with open(f"{ours}/config.json", encoding="utf-8") as f:
    stored = json.load(f)
asked = stored["quantization_config"]
config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=asked["bnb_4bit_use_double_quant"],
                            bnb_4bit_compute_dtype=getattr(torch, asked["bnb_4bit_compute_dtype"]))
torch.set_num_threads(1)  # the mean of a weight's scales depends on the order of its sum
theirs = AutoModelForCausalLM.from_pretrained(source, quantization_config=config, dtype="auto", attn_implementation="eager").train()
mine = AutoModelForCausalLM.from_pretrained(ours, dtype="auto", attn_implementation="eager").train()
torch.set_num_threads(2)

a, b = theirs.state_dict(), mine.state_dict()
assert a.keys() == b.keys(), sorted(a.keys() ^ b.keys())[:5]
differ = [k for k in a if a[k].dtype != b[k].dtype or not torch.equal(a[k].view(torch.uint8), b[k].view(torch.uint8))]
layers = [(n, m, dict(mine.named_modules())[n]) for n, m in theirs.named_modules() if isinstance(m, Linear4bit)]
worst = 0.0
for name, x, y in layers:
    assert isinstance(y, Linear4bit), name
    dx, dy = (F.dequantize_4bit(m.weight.data, m.weight.quant_state).float() for m in (x, y))
    worst = max(worst, (dx - dy).abs().max().item())
ids = torch.arange(3, 3 + 24).unsqueeze(0) % stored["vocab_size"]
lx, ly = (m(input_ids=ids, use_cache=False).logits.detach().float() for m in (theirs, mine))
gap = (lx - ly).abs().max().item()
print(f"{len(a)} tensors, {len(differ)} differ {differ[:3]}; {len(layers)} layers, dequantised apart {worst:.1e}; logits apart {gap:.1e}")
bad = bool(differ) or worst > 0 or gap > 0

if len(sys.argv) > 3:
    tokenizer = AutoTokenizer.from_pretrained(ours)
    mine = AutoModelForCausalLM.from_pretrained(ours, dtype=torch.float32, attn_implementation="eager").train()
    for p in mine.parameters():  # the config's dtype wins over `dtype` where weights are quantised
        if p.is_floating_point():
            p.data = p.data.float()
    for m in mine.modules():
        if isinstance(m, Linear4bit):
            m.compute_dtype = torch.float32
            m.weight.quant_state.dtype = torch.float32  # code x scale as it is, not rounded to bf16 first
    with open(sys.argv[3], encoding="utf-8") as f:
        rows = [json.loads(line) for line in f if line.strip()]
    with open(sys.argv[4], encoding="utf-8") as f:
        scores = [json.loads(line) for line in f if line.startswith("{")]
    apart = 0.0
    for row, score in zip(rows, scores, strict=True):
        tokens = row_tokens(tokenizer.backend_tokenizer, row["prompt"], row["completion"], tokenizer.eos_token_id)
        loss, n = row_loss(mine, tokens)
        assert n == score["tokens"]
        apart = max(apart, abs(loss.item() + score["logprob"]) / max(1.0, abs(loss.item())))
    print(f"{len(rows)} rows, log-probabilities apart {apart:.1e}")
    bad |= apart > 1e-4
sys.exit(bad)
