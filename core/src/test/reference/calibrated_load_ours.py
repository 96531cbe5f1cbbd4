"""calibrated_load_ours.py ROWS.jsonl FOLDER...: folders of `nudge quantize --method gptq|awq` beside what other tools make of their files.

GPTQ and AWQ are unpacked here field by field (as grouped.py packs, which was held to GPTQModel and AutoAWQ); compressed-tensors by its own unpack_from_int32,
and a symmetric folder is also loaded by transformers as it is. The log-probabilities of ROWS (column `text`) by transformers on those weights, in fp32, are compared with those of
`./nudge score`. torch 2.15.0, transformers 5.24.0, compressed-tensors 0.20.1.
"""

import json
import subprocess
import sys

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

AWQ = [0, 4, 1, 5, 2, 6, 3, 7]


def fields(words, bits, n):
    """Unsigned fields of each row of int32 words, lowest bits first."""
    w = words.numpy().view(np.uint32).astype(np.uint64)
    stream = ((w[:, :, None] >> np.arange(32, dtype=np.uint64)) & 1).reshape(len(w), -1)[:, : n * bits]
    return torch.from_numpy((stream.reshape(len(w), n, bits) << np.arange(bits, dtype=np.uint64)).sum(-1).astype(np.int64))


def gptq(t, q):
    out, bits = t["scales"].shape[1], q["bits"]
    codes = fields(t["qweight"].T.contiguous(), bits, len(t["g_idx"]))
    words = t["qzeros"].numpy().view(np.uint32)
    v1 = q["checkpoint_format"] == "gptq"
    if v1 and 32 % bits == 0:
        words = words + np.uint32(sum(1 << i for i in range(0, 32, bits)))
    zeros = fields(torch.from_numpy(words.view(np.int32)), bits, out)
    if v1 and 32 % bits:  # fields of three bits cross words
        zeros = (zeros + 1) % (1 << bits)
    g = t["g_idx"].long()
    return (t["scales"].float()[g] * (codes.T - zeros[g])).T


def awq(t, q):
    def plain(words):
        return torch.stack([(words >> (4 * i)) & 15 for i in AWQ], -1).reshape(len(words), -1)

    codes, zeros = plain(t["qweight"]), plain(t["qzeros"])
    g = torch.arange(len(codes)) // (len(codes) // len(zeros))
    return (t["scales"].float()[g] * (codes - zeros[g])).T


def packed(t, q):
    from compressed_tensors.compressors.pack_quantized.helpers import unpack_from_int32

    bits = q["config_groups"]["group_0"]["weights"]["num_bits"]
    shape = torch.Size(t["weight_shape"].tolist())
    codes = unpack_from_int32(t["weight_packed"], bits, shape).float()
    scale = t["weight_scale"].float()
    zero = torch.zeros_like(scale)
    if "weight_zero_point" in t:
        zero = unpack_from_int32(t["weight_zero_point"], bits, scale.shape, packed_dim=0).float()
    each = shape[1] // scale.shape[1]
    return scale.repeat_interleave(each, 1) * (codes - zero.repeat_interleave(each, 1))


def logprobs(model, tokenizer, rows):
    out = []
    for row in rows:
        ids = torch.tensor([tokenizer(row["text"])["input_ids"] + [tokenizer.eos_token_id]])
        with torch.no_grad():
            lp = torch.log_softmax(model(ids).logits[0, :-1].double(), -1)
        out.append(lp.gather(1, ids[0, 1:, None]).sum().item())
    return out


def far(a, b):
    return max(abs(x - y) / max(1, abs(y)) for x, y in zip(a, b, strict=True))


def main(data, folders):
    rows = [json.loads(line) for line in open(data)]
    for folder in folders:
        q = json.load(open(f"{folder}/config.json"))["quantization_config"]
        index = json.load(open(f"{folder}/model.safetensors.index.json"))["weight_map"]
        tensors = {}
        for file in set(index.values()):
            tensors.update(load_file(f"{folder}/{file}"))
        unpack = {"gptq": gptq, "awq": awq, "compressed-tensors": packed}[q["quant_method"]]
        first = {"gptq": ".qweight", "awq": ".qweight", "compressed-tensors": ".weight_packed"}[q["quant_method"]]
        state = dict(tensors)
        for name in [n for n in tensors if n.endswith(first)]:
            path = name[: -len(first)]
            parts = {n[len(path) + 1 :]: t for n, t in tensors.items() if n.startswith(path + ".")}
            for part in parts:
                if part != "bias":
                    del state[f"{path}.{part}"]
            state[path + ".weight"] = unpack(parts, q)
        config = AutoConfig.from_pretrained(folder)
        del config.quantization_config
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
        missing, extra = model.load_state_dict({n: t.float() for n, t in state.items()}, strict=False)
        assert not extra and all("lm_head" in m for m in missing), (missing, extra)
        model.tie_weights()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        want = logprobs(model, tokenizer, rows)
        run = subprocess.run(["./nudge", "score", "--model", folder, "--data", data, "--compute", "fp32"], capture_output=True, text=True, check=True)
        got = [json.loads(line) for line in run.stdout.splitlines() if '"index"' in line]
        ours = [r["logprob"] for r in sorted(got, key=lambda r: r["index"])]
        line = f"{folder}: {q['quant_method']} unpacked, worst {far(ours, want):.1e}"
        if q["quant_method"] == "compressed-tensors" and q["config_groups"]["group_0"]["weights"]["symmetric"]:
            # asymmetric ones fail in compressed-tensors 0.20.1, whose empty model has zeros that are not packed
            loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
            line += f"; loaded by transformers, worst {far(ours, logprobs(loaded, tokenizer, rows)):.1e}"
        print(line)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
