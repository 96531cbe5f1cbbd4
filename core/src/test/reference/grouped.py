"""grouped.py OUT: OUT/grouped/NAME/{model/{config.json,model.safetensors},expected.json}: a tiny Llama of random codes in the layouts of GPTQ,
AWQ and compressed-tensors, and SHA-256 of each dequantised weight (fp32, [out, in], row-major).

GPTQ and AWQ are packed here field by field, as GPTQModel 7.7 and AutoAWQ 0.2.9 pack: `qweight` and `qzeros` of 2, 3, 4 and 8 bits were equal to those of
GPTQModel's `pack_original` (f4c327a1), once, by hand. compressed-tensors by its own pack_to_int32. numpy 2.4.6, torch 2.15.0, safetensors 0.8.0, compressed-tensors 0.20.1. Seeds 1-.
"""

import hashlib
import json
import os
import sys

import numpy as np
import torch
from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32
from safetensors.torch import save_file

HIDDEN, INNER, HEADS, KV, VOCAB = 64, 96, 2, 1, 32
LAYER = dict(q_proj=(64, 64), k_proj=(32, 64), v_proj=(32, 64), o_proj=(64, 64), gate_proj=(96, 64), up_proj=(96, 64), down_proj=(64, 96))
PATHS = {f"model.layers.0.{'mlp' if n[0] in 'gud' else 'self_attn'}.{n}": s for n, s in LAYER.items()}
AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]


def fields(values, bits):
    """Unsigned fields of each row behind each other in 32-bit words, lowest bits first: int64 in, int32 out."""
    n = values.shape[1]
    stream = ((values[:, :, None] >> np.arange(bits)) & 1).reshape(len(values), n * bits)
    stream = np.pad(stream, ((0, 0), (0, -(n * bits) % 32))).reshape(len(values), -1, 32)
    return i32((stream.astype(np.int64) << np.arange(32)).sum(-1))


def i32(words):
    return torch.from_numpy((np.asarray(words) & 0xFFFFFFFF).astype(np.uint32).view(np.int32).copy())


def gptq(codes, zeros, scales, group_of, bits, v1):
    """codes (out, in), zeros and scales (groups, out)."""
    packed = fields(zeros, bits)
    if v1 and 32 % bits == 0:  # whole words, a borrow kept
        ones = sum(1 << i for i in range(0, 32, bits))
        packed = i32(packed.numpy().astype(np.int64) - ones)
    elif v1:
        packed = fields((zeros - 1) % (1 << bits), bits)
    return dict(qweight=fields(codes, bits).T.contiguous(), qzeros=packed, scales=scales, g_idx=torch.from_numpy(group_of.astype(np.int32)))


def awq(codes, zeros, scales):
    def words(values):
        v = values.reshape(len(values), -1, 8)[:, :, AWQ_ORDER].astype(np.int64)
        return i32((v << (4 * np.arange(8))).sum(-1))

    return dict(qweight=words(codes.T), qzeros=words(zeros), scales=scales)


def packed(codes, zeros, scales, bits, symmetric, group_of=None, plain_zeros=False):
    signed = torch.from_numpy((codes - (1 << (bits - 1))).astype(np.int8))
    out = dict(weight_packed=pack_to_int32(signed, bits), weight_scale=scales.T.contiguous(), weight_shape=torch.tensor(codes.shape, dtype=torch.int64))
    if not symmetric:
        zero = torch.from_numpy((zeros.T - (1 << (bits - 1))).astype(np.int8)).contiguous()
        out["weight_zero_point"] = zero if plain_zeros else pack_to_int32(zero, bits, packed_dim=0).contiguous()
    if group_of is not None:
        out["weight_g_idx"] = torch.from_numpy(group_of.astype(np.int32))
    return out


def layer(rng, shape, bits, group, symmetric, scattered, dtype):
    out, inn = shape
    group = inn if group == -1 else group
    groups = -(-inn // group)
    group_of = np.arange(inn) // group
    if scattered:
        group_of = rng.permutation(group_of)
    codes = rng.integers(0, 1 << bits, (out, inn))
    zeros = np.full((groups, out), 1 << (bits - 1)) if symmetric else rng.integers(0, 1 << bits, (groups, out))
    if not symmetric:
        zeros[0, :5] = [0, 0, 3, 0, (1 << bits) - 1]  # zeros of 0 borrow from their neighbour in v1
    scales = torch.from_numpy((rng.random((groups, out)) * 0.2 / (1 << bits) + 0.001).astype(np.float32)).to(dtype)
    weight = scales.float().numpy().T[:, group_of] * (codes - zeros.T[:, group_of]).astype(np.float32)
    return codes, zeros, scales, group_of, np.ascontiguousarray(weight, dtype=np.float32)


def write(root, name, seed, declared, make, dtype=torch.float16, one=lambda path: {}, **all):
    """one: settings of a single layer; make: what its tensors are."""
    rng = np.random.default_rng(seed)
    tensors = {}
    digests = {}
    head = all.pop("head", None)  # settings of a quantised output head
    for path, shape in (PATHS | ({"lm_head": (VOCAB, HIDDEN)} if head else {})).items():
        s = dict(bits=4, group=32, symmetric=False, scattered=False) | all | (head if path == "lm_head" else one(path))
        codes, zeros, scales, group_of, weight = layer(rng, shape, s["bits"], s["group"], s["symmetric"], s["scattered"], dtype)
        tensors |= {f"{path}.{k}": v for k, v in make(codes, zeros, scales, group_of, s).items()}
        digests[path + ".weight"] = hashlib.sha256(weight.tobytes()).hexdigest()
    dense = lambda *shape: torch.from_numpy((rng.standard_normal(shape) * 0.1).astype(np.float32)).to(dtype)
    tensors["model.embed_tokens.weight"] = dense(VOCAB, HIDDEN)
    for norm in ("model.norm", "model.layers.0.input_layernorm", "model.layers.0.post_attention_layernorm"):
        tensors[norm + ".weight"] = 1 + dense(HIDDEN)
    config = dict(
        architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=HIDDEN, intermediate_size=INNER, num_hidden_layers=1, num_attention_heads=HEADS,
        num_key_value_heads=KV, vocab_size=VOCAB, rms_norm_eps=1e-6, rope_theta=10000.0, max_position_embeddings=128, tie_word_embeddings=not head, hidden_act="silu",
        bos_token_id=0, eos_token_id=1, dtype=str(dtype).split(".")[1],
    )
    folder = os.path.join(root, "grouped", name)
    os.makedirs(folder + "/model", exist_ok=True)
    save_file(tensors, folder + "/model/model.safetensors", metadata={"format": "pt"})
    key = declared.pop("_key", "quantization_config")
    beside = declared.pop("_beside", None)
    if beside:
        json.dump(declared, open(f"{folder}/model/{beside}", "w"), indent=1)
    else:
        config[key] = declared
    json.dump(config, open(folder + "/model/config.json", "w"), indent=1)
    json.dump(dict(weights=digests), open(folder + "/expected.json", "w"), indent=1)


def main(root):
    G = lambda v1: lambda c, z, s, g, o: gptq(c, z, s, g, o["bits"], v1)
    q = lambda bits, group, **more: dict(quant_method="gptq", bits=bits, group_size=group, desc_act=False, sym=False, pack_dtype="int32") | more
    write(root, "gptq-2", 1, q(2, 32, checkpoint_format="gptq"), G(True), bits=2)
    write(root, "gptq-3", 2, q(3, 32, format="gptq"), G(True), bits=3)
    write(root, "gptq-3-sym", 3, q(3, -1, sym=True), G(True), bits=3, group=-1, symmetric=True)
    write(root, "gptq-3-v2", 4, q(3, 64, checkpoint_format="gptq_v2"), G(False), bits=3, group=64)
    write(root, "gptq-4-act", 5, q(4, 32, desc_act=True), G(True), scattered=True)
    write(root, "gptq-8-v2", 6, q(8, None, checkpoint_format="gptq_v2"), G(False), bits=8, group=-1)
    write(root, "gptq-8-act", 7, q(8, 32, desc_act=True, sym=True), G(True), bits=8, symmetric=True, scattered=True, dtype=torch.bfloat16)
    write(root, "gptq-edge", 8, q(4, 40, desc_act=True), G(True), group=40, scattered=True)  # the last group is short
    # the label says v1, the words say v2; no g_idx; the config of AutoGPTQ beside config.json
    old = lambda c, z, s, g, o: {k: v for k, v in gptq(c, z, s, g, 4, False).items() if k != "g_idx"}
    write(root, "gptq-label", 9, dict(bits=4, group_size=32, damp_percent=0.01, desc_act=False, sym=True, _beside="quantize_config.json"), old, symmetric=True)
    # one layer in 8 bits, groups of 32, asymmetric, under an expression
    mixed = lambda path: dict(bits=8, group=32, symmetric=False) if path.endswith("down_proj") else {}
    write(root, "gptq-dynamic", 10, q(4, 64, sym=True, dynamic={"-:lm_head": {}, "+:.*\\.down_proj": dict(bits=8, group_size=32, sym=False)}), G(True), group=64, symmetric=True, one=mixed)
    write(root, "round-gptq", 11, dict(quant_method="auto-round", packing_format="auto_round:auto_gptq", bits=4, group_size=32, sym=True, data_type="int"), G(True), symmetric=True)
    write(root, "round-plain", 12, dict(quant_method="intel/auto-round", packing_format="auto_round:gptqmodel", bits=2, group_size=32, sym=False), G(False), bits=2)

    # GPTQModel's head: 8 bits, groups of 32, said under `dynamic`
    write(root, "gptq-head", 21, q(4, 64, sym=True, lm_head=True, dynamic={"lm_head": dict(bits=8, group_size=32)}), G(True), group=64, symmetric=True,
          head=dict(bits=8, group=32))

    A = lambda c, z, s, g, o: awq(c, z, s)
    write(root, "awq-32", 13, dict(quant_method="awq", bits=4, group_size=32, zero_point=True, version="GEMM", modules_to_not_convert=None), A)
    write(root, "awq-sym", 14, dict(w_bit=4, q_group_size=-1, zero_point=False, version="GEMM", _beside="quant_config.json"), A, group=-1, symmetric=True)
    write(root, "round-awq", 15, dict(quant_method="auto-round", packing_format="auto_round:auto_awq", bits=4, group_size=32, sym=False), A)

    def ct(targets=("Linear",), **more):
        w = dict(num_bits=4, type="int", symmetric=True, strategy="group", group_size=32, dynamic=False, actorder=None) | more
        return dict(targets=list(targets), weights=w, input_activations=None, output_activations=None, format="pack-quantized")

    C = lambda *groups, **more: dict(
        quant_method="compressed-tensors", format="pack-quantized", quantization_status="compressed", ignore=["lm_head"],
        config_groups={f"group_{i}": g for i, g in enumerate(groups)}) | more
    P = lambda c, z, s, g, o: packed(c, z, s, o["bits"], o["symmetric"])
    write(root, "ct-channel", 16, C(ct(strategy="channel", group_size=None)), P, group=-1, symmetric=True, dtype=torch.bfloat16)
    write(root, "ct-3", 17, C(ct(num_bits=3, symmetric=False)), P, bits=3)
    write(root, "ct-8", 18, C(ct(num_bits=8, symmetric=False)), P, bits=8, dtype=torch.float32)
    write(root, "ct-groups", 19, C(ct(), ct(["re:.*down_proj"], num_bits=8, strategy="channel", group_size=None, symmetric=False)), P, symmetric=True,
          one=lambda path: dict(bits=8, group=-1, symmetric=False) if path.endswith("down_proj") else {})
    write(root, "ct-head", 22, C(ct(), ignore=[]), P, symmetric=True, head=dict(symmetric=True))
    # as 2024's files: groups scattered, zeros not packed, under the old key
    before = lambda c, z, s, g, o: packed(c, z, s, 4, False, g, True)
    write(root, "ct-act", 20, C(ct(symmetric=False, actorder="group"), _key="compression_config"), before, scattered=True)


main(sys.argv[1])
