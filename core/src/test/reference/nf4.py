"""Writes core/src/test/resources/golden/nf4.json: what bitsandbytes' CPU back end makes of given numbers.

Run with bitsandbytes 0.50.2, torch 2.15.0 (one thread): python nf4.py OUT
Number i of a case is sin(0.37 i) * 0.02 * (1 + (i % 7) / 7) in float64, rounded to fp32 and then to the
case's type; where `zeros` is set, numbers 64 to 127 are 0. Digests are SHA-256 of little-endian bytes.
"""
import hashlib
import json
import struct
import sys

import bitsandbytes
import numpy as np
import torch
from bitsandbytes.functional import quantize_4bit

torch.set_num_threads(1)
CASES = [
    (1, 1), (1, 2), (3, 5), (1, 63), (1, 64), (1, 65), (2, 80), (4, 160), (7, 33), (3, 112),
    (64, 64), (5, 96), (257, 129), (300, 100), (576, 1536),
]


def numbers(n, zeros):
    i = np.arange(n, dtype=np.float64)
    x = (np.sin(0.37 * i) * 0.02 * (1 + (i % 7) / 7)).astype(np.float32)
    if zeros:
        x[64:128] = 0
    return torch.from_numpy(x)


def digest(t):
    return hashlib.sha256(t.contiguous().cpu().numpy().tobytes()).hexdigest()


cases = []
for rows, cols in CASES:
    for dtype in ("float32", "float16", "bfloat16"):
        for zeros in (False, True) if (rows, cols) == (257, 129) else (False,):
            x = numbers(rows * cols, zeros).to(getattr(torch, dtype)).reshape(rows, cols)
            packed, plain = quantize_4bit(x, blocksize=64, quant_type="nf4", compress_statistics=False)
            again, nested = quantize_4bit(x, blocksize=64, quant_type="nf4", compress_statistics=True)
            assert torch.equal(packed, again)
            cases.append({
                "rows": rows, "cols": cols, "dtype": dtype, "zeros": zeros,
                "packed": digest(packed), "absmax": digest(plain.absmax),
                "codes": digest(nested.absmax), "nested_absmax": digest(nested.state2.absmax),
                "offset": struct.pack("<f", nested.offset.item()).hex(),
            })
sums = []
for n in list(range(1, 40)) + [300, 777, 5184, 13824, 32767, 40000, 200001]:
    sums.append({"n": n, "sum": struct.pack("<f", numbers(n, False).abs().sum().item()).hex()})
json.dump({
    "made by": f"bitsandbytes {bitsandbytes.__version__}, torch {torch.__version__}",
    "cases": cases, "sums": sums,
}, open(sys.argv[1], "w"), indent=1)
