"""What the gguf package and llama.cpp's ggml make of the same numbers in each type that nudge writes.

usage: gguf_quants.py OUT        writes OUT/gguf/quants.json

gguf 0.19.0, llama-cpp-python 0.3.36 (its libggml-base), numpy 2.4.6, Python 3.11. The digest of the bytes where the package quantises, the
sum of squared errors of ggml_quantize_chunk, without an importance matrix, where only llama.cpp does. `numbers` is made again in the test.
"""

import ctypes
import glob
import hashlib
import json
import os
import sys

import gguf
import llama_cpp
import numpy as np

ROWS, COLS = 24, 512


def numbers():
    state, out = 1, np.empty(ROWS * COLS, np.float32)
    for i in range(out.size):
        total = -1.5
        for _ in range(3):
            state = (state * 1103515245 + 12345) & 0x7fffffff
            total += (state >> 8) / 8388608.0
        row = i // COLS
        out[i] = 0 if row == 0 else abs(total) if row == 1 else -abs(total) if row == 2 else total * (100 if row > 3 and i % 97 == 0 else 1)
    return out.reshape(ROWS, COLS)


def main(out):
    x, found = numbers(), {}
    for name in 'F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1'.split():
        found[name] = dict(sha256=hashlib.sha256(gguf.quantize(x, gguf.GGMLQuantizationType[name]).tobytes()).hexdigest())
    lib = ctypes.CDLL(glob.glob(os.path.dirname(llama_cpp.__file__) + '/lib/libggml-base.*')[0])
    chunk = lib.ggml_quantize_chunk
    chunk.restype = ctypes.c_size_t
    chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    for name in 'Q4_K Q5_K Q6_K'.split():
        kind = gguf.GGMLQuantizationType[name]
        block, size = gguf.GGML_QUANT_SIZES[kind]
        q = np.zeros((ROWS, COLS // block * size), np.uint8)
        chunk(int(kind), x.ctypes.data, q.ctypes.data, 0, ROWS, COLS, None)
        off = gguf.dequantize(q, kind).astype(np.float64) - x
        found[name] = dict(error=float((off ** 2).sum()))
    json.dump(found, open(f'{out}/gguf/quants.json', 'w'), indent=1)


if __name__ == '__main__':
    main(sys.argv[1])
