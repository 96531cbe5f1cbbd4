"""Writes safetensors files with the official library, in odd shapes and types, and their values.

usage: safetensors_files.py OUT      writes OUT/safetensors/*.safetensors and values.json
"""

import json
import math
import sys

import torch
from safetensors.torch import save, save_file

from common import write_json

G = torch.Generator().manual_seed(1)


def randn(*shape):
    return torch.randn(shape, generator=G)


def special(dtype):
    f = torch.finfo(dtype)
    smallest = f.smallest_normal
    return torch.tensor([0.0, -0.0, 1.0, -1.5, f.max, f.min, smallest, smallest / 2, -smallest / 4, math.inf, -math.inf, math.nan], dtype=dtype)


FILES = {
    "odd": ({
        "matrix.f32": randn(3, 5), "cube.f32": randn(2, 1, 3), "row.f32": randn(1, 7), "scalar.f32": torch.tensor(2.5),
        "empty.f32": torch.zeros(0, 4), "vector.f16": randn(9).half(), "matrix.f16": randn(3, 3).half(),
        "vector.bf16": randn(5).bfloat16(), "matrix.bf16": randn(7, 3).bfloat16(), "empty.bf16": torch.zeros(3, 0, dtype=torch.bfloat16),
        "special.f32": special(torch.float32), "special.f16": special(torch.float16), "special.bf16": special(torch.bfloat16),
        "ids.i64": torch.tensor([-(2**63), -1, 0, 1, 2**63 - 1]), "bytes.u8": torch.tensor([[0, 1, 127], [128, 254, 255]], dtype=torch.uint8),
        "scalar.i64": torch.tensor(-7), "name with spaces, 漢字 and \"quotes\"": randn(2)}, {"note": "ünïcode \\ \"quoted\" \n"}),
    "no-metadata": ({"weight": randn(2, 3)}, None),
    "no-tensors": ({}, {"format": "pt"}),
    # Types that nudge does not compute with: a file that holds them opens, and reading one of them is refused by name.
    "other-types": ({
        "a.f64": randn(2, 2).double(), "a.i32": torch.tensor([1, -2], dtype=torch.int32), "a.i16": torch.tensor([3, -4], dtype=torch.int16),
        "a.i8": torch.tensor([5, -6, 7], dtype=torch.int8), "a.bool": torch.tensor([True, False, True]),
        "a.f8_e4m3": randn(3).to(torch.float8_e4m3fn), "a.f8_e5m2": randn(3).to(torch.float8_e5m2), "weight": randn(4)}, {"format": "pt"}),
}


def plain(value):
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return int(value) if isinstance(value, bool) else value


def main(out):
    values = {}
    write_json(f"{out}/safetensors/values.json", {})
    for name, (tensors, metadata) in FILES.items():
        path = f"{out}/safetensors/{name}.safetensors"
        save_file(tensors, path, metadata=metadata)
        with open(path, "rb") as f:
            size = int.from_bytes(f.read(8), "little")
            header = json.loads(f.read(size))
        header.pop("__metadata__", None)
        values[name] = {"header_bytes": size, "metadata": metadata, "tensors": {
            n: {"dtype": h["dtype"], "shape": h["shape"], "data_offsets": h["data_offsets"],
                "values": [plain(v) for v in (tensors[n].double() if tensors[n].is_floating_point() else tensors[n]).flatten().tolist()]}
            for n, h in sorted(header.items(), key=lambda item: item[1]["data_offsets"])}}
    write_json(f"{out}/safetensors/values.json", values)


if __name__ == "__main__":
    main(sys.argv[1])
