"""Writes GGUF files for the tests of the reader: blocks of every type, and tiny models of every architecture.

usage: gguf_files.py OUT        reads OUT/families, writes OUT/gguf/types.gguf, types.json, models/<family>.gguf and mixed/<family>.gguf, split/

gguf 0.19.0, numpy 2.4.6, safetensors 0.8.0, Python 3.11. Blocks are random bytes with finite scales: no quantiser is needed to know what
they say, `gguf.dequantize` says it. Of a model the names are those of `gguf.get_tensor_name_map`, rows of q and k are permuted as
llama.cpp's converter does it, Gemma's norms are 1 + w; what a converter takes from config.json stands in `metadata` below.
"""

import hashlib
import json
import math
import os
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter
from safetensors import safe_open

TYPES = 'F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS'.split()
SCALES = {'Q8_0': [0], 'Q4_0': [0], 'Q4_1': [0, 2], 'Q5_0': [0], 'Q5_1': [0, 2], 'Q2_K': [80, 82], 'Q3_K': [108], 'Q4_K': [0, 2],
          'Q5_K': [0, 2], 'Q6_K': [208], 'IQ4_NL': [0], 'IQ4_XS': [0]}
FAMILIES = 'llama-llama3 llama-linear llama-yarn qwen2-tied qwen3-tied gemma2 gemma3 phi3-longrope phi4-mini'.split()
MIXED = 'llama-llama3 qwen2-tied gemma2'.split()  # also with matrices in the types that the package can write
WRITTEN = 'Q8_0 Q4_0 F16 Q4_1 Q5_0 Q5_1'.split()
ROWS, COLS = 3, 512


def blocks(name, rng):
    """(rows, bytes) of random blocks, and their values."""
    kind = Type[name]
    block, size = gguf.GGML_QUANT_SIZES[kind]
    if name in ('F32', 'F16', 'BF16'):
        x = rng.standard_normal((ROWS, COLS)).astype(np.float32)
        raw = gguf.quantize(x, kind)
        return raw, gguf.dequantize(raw, kind)
    raw = rng.integers(0, 256, (ROWS * COLS // block, size), np.uint8)
    for at in SCALES[name]:
        half = rng.standard_normal(len(raw)).astype(np.float16)
        raw[:, at:at + 2] = half.view(np.uint8).reshape(-1, 2)
    raw = raw.reshape(ROWS, -1)
    return raw, gguf.dequantize(raw, kind)


def types(out):
    rng = np.random.default_rng(1)
    w = GGUFWriter(f'{out}/types.gguf', 'llama')
    want = {}
    for i, name in enumerate(TYPES):
        raw, values = blocks(name, rng)
        w.add_tensor(f'blk.{i}.ffn_up.weight', raw, raw_dtype=Type[name])
        data = np.ascontiguousarray(values.reshape(ROWS, COLS)).astype('<f4').tobytes()
        want[name] = dict(tensor=f'model.layers.{i}.mlp.up_proj.weight', sha256=hashlib.sha256(data).hexdigest())
    finish(w)
    json.dump(want, open(f'{out}/types.json', 'w'), indent=1)


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def permuted(x, heads):
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def llama3(c, rope, width):
    """What each frequency is divided by, as the converter computes it."""
    old, factor, low, high = (rope[k] for k in ('original_max_position_embeddings', 'factor', 'low_freq_factor', 'high_freq_factor'))
    factors = []
    for f in 1 / rope['rope_theta'] ** (np.arange(0, width, 2, dtype=np.float32) / width):
        wave = 2 * math.pi / f
        smooth = (old / wave - low) / (high - low)
        factors.append(1 if wave < old / high else factor if wave > old / low else 1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, np.float32)


def metadata(w, a, c, width):
    rope = c['rope_parameters']
    full = rope.get('full_attention', rope)
    w.add_block_count(c['num_hidden_layers'])
    w.add_context_length(c['max_position_embeddings'])
    w.add_embedding_length(c['hidden_size'])
    w.add_feed_forward_length(c['intermediate_size'])
    w.add_head_count(c['num_attention_heads'])
    w.add_head_count_kv(c['num_key_value_heads'])
    w.add_layer_norm_rms_eps(c['rms_norm_eps'])
    w.add_rope_freq_base(full['rope_theta'])
    if 'head_dim' in c:
        w.add_key_length(width)
        w.add_value_length(width)
    if a.startswith('gemma'):
        w.add_sliding_window(c['sliding_window'])
    if a == 'gemma2':
        w.add_attn_logit_softcapping(c['attn_logit_softcapping'])
        w.add_final_logit_softcapping(c['final_logit_softcapping'])
    if a == 'gemma3':
        w.add_uint32('gemma3.attention.sliding_window_pattern', c['sliding_window_pattern'])
    if full['rope_type'] in ('linear', 'yarn'):
        w.add_rope_scaling_type(gguf.RopeScalingType(full['rope_type']))
        w.add_rope_scaling_factor(full['factor'])
        if full['rope_type'] == 'yarn':
            w.add_rope_scaling_orig_ctx_len(full['original_max_position_embeddings'])
    if full['rope_type'] == 'llama3':
        w.add_tensor('rope_freqs.weight', llama3(c, full, width))
    if a == 'phi3':
        turned = int(width * full['partial_rotary_factor'])
        old = c['original_max_position_embeddings']
        w.add_rope_dimension_count(turned)
        w.add_rope_scaling_orig_ctx_len(old)
        w.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(c['max_position_embeddings'] / old) / math.log(old)))
        w.add_tensor('rope_factors_long.weight', np.array(full['long_factor'], np.float32))
        w.add_tensor('rope_factors_short.weight', np.array(full['short_factor'], np.float32))
        if c['sliding_window']:
            w.add_sliding_window(c['sliding_window'])


def model(folder, path, mixed=False, split=0):
    c = json.load(open(f'{folder}/config.json'))
    a = c['model_type'].removesuffix('_text')
    width = c.get('head_dim') or c['hidden_size'] // c['num_attention_heads']
    names = gguf.get_tensor_name_map({v: k for k, v in gguf.MODEL_ARCH_NAMES.items()}[a], c['num_hidden_layers'])
    w = GGUFWriter(path, a, split_max_tensors=split)
    metadata(w, a, c, width)
    w.add_tokenizer_model('gpt2')
    w.add_tokenizer_pre('gpt-2')
    w.add_token_list(['a', 'b', 'ab'] + [f't{i}' for i in range(3, c['vocab_size'])])
    w.add_token_types([1] * c['vocab_size'])
    w.add_token_merges(['a b'])
    w.add_bos_token_id(c['bos_token_id'])
    w.add_eos_token_id(c['eos_token_id'])
    with safe_open(f'{folder}/model.safetensors', 'np') as f:
        keys = list(f.keys())
    raw = open(f'{folder}/model.safetensors', 'rb').read()
    size = int.from_bytes(raw[:8], 'little')
    header = json.loads(raw[8:8 + size])
    for i, key in enumerate(sorted(keys)):
        e = header[key]
        data = raw[8 + size + e['data_offsets'][0]:8 + size + e['data_offsets'][1]]
        x = (np.frombuffer(data, '<u2').astype(np.uint32) << 16).view(np.float32) if e['dtype'] == 'BF16' else np.frombuffer(data, '<f4')
        x = x.reshape(e['shape'])
        if a == 'llama' and 'q_proj' in key:
            x = permuted(x, c['num_attention_heads'])
        if a == 'llama' and 'k_proj' in key:
            x = permuted(x, c['num_key_value_heads'])
        if a.startswith('gemma') and key.endswith('norm.weight'):
            x = x + np.float32(1)
        name = names.get_name(key, try_suffixes=('.weight', '.bias'))
        kind = Type.F32 if x.ndim == 1 else Type.BF16 if not mixed else Type[WRITTEN[i % len(WRITTEN)]] if x.shape[1] % 32 == 0 else Type.F16
        w.add_tensor(name, gguf.quantize(np.ascontiguousarray(x), kind), raw_dtype=kind)
    finish(w)


def main():
    out = sys.argv[1]
    for folder in ('models', 'mixed', 'split'):
        os.makedirs(f'{out}/gguf/{folder}', exist_ok=True)
    types(f'{out}/gguf')
    for name in FAMILIES:
        model(f'{out}/families/{name}/model', f'{out}/gguf/models/{name}.gguf')
    for name in MIXED:
        model(f'{out}/families/{name}/model', f'{out}/gguf/mixed/{name}.gguf', True)
    model(f'{out}/families/llama-llama3/model', f'{out}/gguf/split/llama-llama3.gguf', True, 5)


if __name__ == '__main__':
    main()
