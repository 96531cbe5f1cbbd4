"""Makes tiny random checkpoints of every family with what transformers, PEFT and bitsandbytes make of them in fp32.

usage: families.py OUT [NAME...]                     writes OUT/families/
       families.py OUT --outside FOLDER [NAME...]    reads OUT/tokenizer, writes FOLDER/<name>/ and FOLDER/<name>-nf4/ for a check that
                                                     drives `./nudge` (the shape of outside.py), other sizes than those of OUT

torch 2.15.0, transformers 5.24.0, peft 0.21.2, bitsandbytes 0.50.2, accelerate 1.15.0, tokenizers 0.23.3, safetensors 0.8.0, numpy 2.4.6,
Python 3.11, one thread. Eager attention, one sequence at a time, gradients summed over a step and divided by its trained tokens,
torch's AdamW. Most weights are stored in bfloat16, to keep the files small, and widened before anything is computed.

Widths are multiples of 64: bitsandbytes' CPU dequantise is wrong for others. The window is 7 tokens and the original context of scaled
ropes 32, so sequences of 1, 7, 8, 32 and 33 tokens lie on both sides of each.

A dynamic rope remembers the longest sequence it has seen. Here it forgets it before every sequence: each is rotated by its own length.
"""

import contextlib
import glob
import os
import random
import shutil
import sys

import numpy as np
import torch
from bitsandbytes import functional as bnb
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

import common
from common import VOCAB, read_json, row_tokens, sentence, write_json, write_rows, write_tensors
from peft_adapter import save, sorted_targets

torch.set_num_threads(1)  # products this small only wait for each other

WINDOW, ORIGINAL = 7, 32
LENGTHS = [1, WINDOW, WINDOW + 1, ORIGINAL, ORIGINAL + 1]
ROWS, BATCH, STEPS, FULL_STEPS = 10, 4, 10, 5
SETTINGS = dict(batch_size=BATCH, steps=STEPS, learning_rate=5e-3, schedule="constant", warmup=0, weight_decay=0.05, max_grad_norm=1.0,
                beta1=0.9, beta2=0.999, epsilon=1e-8, dropout=0.0, shuffle=False)
FULL = dict(batch_size=BATCH, steps=FULL_STEPS, learning_rate=1e-3, weight_decay=0.1, max_grad_norm=1.0)
GREEDY = dict(prompt=12, tokens=26)  # ends above WINDOW and ORIGINAL
SIGNS = 8
ENDS = (1, 45)  # 45: of the folder with a vision tower alone

SMALL = dict(vocab_size=47, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=128, bos_token_id=0, eos_token_id=1, pad_token_id=2)
TEXT = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def rope(kind="default", theta=10000.0, **more):
    return dict(rope_type=kind, rope_theta=theta, **more)


def factors(n, first, step):
    return [round(first + step * i, 2) for i in range(n)]


SHORT8, LONG8 = factors(8, 1.0, 0.07), factors(8, 1.5, 1.25)
SHORT6, LONG6 = factors(6, 1.0, 0.11), factors(6, 1.3, 2.1)
YARN = dict(factor=4.0, original_max_position_embeddings=ORIGINAL)
# Where nothing is quantised, sizes that are no multiples of 64.
ODD = dict(hidden_size=48, intermediate_size=40, num_attention_heads=3, num_key_value_heads=1)
LLAMA = dict(model_type="llama", num_hidden_layers=1, hidden_size=32, intermediate_size=40, num_attention_heads=2, num_key_value_heads=1)

# config: what differs from SMALL. matters: changes of the config that must show in the logits, by name.
# kinds: what is made beside the logits; `older`: keys of config.json as transformers 4 wrote it, laid over what older() makes.
ALL = ("train", "full", "nf4")
CASES = {
    "mistral": dict(
        seed=101, kinds=ALL, config=dict(model_type="mistral", head_dim=32, sliding_window=WINDOW, rope_parameters=rope(theta=1e6)),
        matters={"window": dict(sliding_window=None)}),
    "qwen2-tied": dict(
        seed=102, kinds=ALL,  # a window that is switched off
        config=dict(model_type="qwen2", tie_word_embeddings=True, use_sliding_window=False, sliding_window=WINDOW, max_window_layers=0,
                    rope_parameters=rope(theta=1e6)), older=dict(sliding_window=WINDOW)),
    "qwen2-window": dict(
        seed=103, kinds=ALL, config=dict(model_type="qwen2", use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1,
                                         rope_parameters=rope()),
        matters={"window": dict(layer_types=["full_attention"] * 2), "which layers": dict(layer_types=["sliding_attention"] * 2)}),
    "qwen3-tied": dict(
        seed=104, kinds=ALL, config=dict(model_type="qwen3", head_dim=32, tie_word_embeddings=True, rope_parameters=rope(theta=1e6))),
    "qwen3-biased-yarn": dict(
        seed=105, kinds=("train", "full"),
        config=dict(model_type="qwen3", hidden_size=40, intermediate_size=52, head_dim=16, attention_bias=True, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1,
                    rope_parameters=rope("yarn", **YARN)),
        matters={"yarn": dict(rope_parameters=rope()), "window": dict(layer_types=["full_attention"] * 2)}),
    "smollm3": dict(
        seed=106, kinds=ALL, config=dict(model_type="smollm3", tie_word_embeddings=True, no_rope_layer_interval=2, rope_parameters=rope(theta=2e6)),
        matters={"a layer without rope": dict(no_rope_layers=[1, 1])}),
    "smollm3-window": dict(
        seed=107, kinds=("train", "full"),
        config=dict(model_type="smollm3", **ODD, tie_word_embeddings=False, no_rope_layers=[0, 1], use_sliding_window=True, sliding_window=WINDOW,
                    attention_bias=True, mlp_bias=True, rope_parameters=rope()),
        matters={"a layer without rope": dict(no_rope_layers=[1, 1]), "window": dict(layer_types=["full_attention"] * 2)}),
    "phi3": dict(
        seed=108, kinds=ALL, config=dict(model_type="phi3", num_key_value_heads=4, sliding_window=WINDOW, rope_parameters=rope()),
        matters={"window": dict(sliding_window=None)}),
    "phi3-longrope": dict(
        seed=109, kinds=("train",),
        config=dict(model_type="phi3", **ODD, sliding_window=100, original_max_position_embeddings=ORIGINAL,
                    rope_parameters=rope("longrope", short_factor=SHORT8, long_factor=LONG8)),
        # The name before longrope; transformers 5 loads it only where the original context stands beside it.
        older=dict(rope_scaling=dict(type="su", short_factor=SHORT8, long_factor=LONG8, original_max_position_embeddings=ORIGINAL)),
        matters={"longrope": dict(rope_parameters=rope(partial_rotary_factor=1.0))}),
    "phi4-mini": dict(
        seed=110, kinds=ALL,
        config=dict(model_type="phi3", tie_word_embeddings=True, original_max_position_embeddings=ORIGINAL,
                    rope_parameters=rope("longrope", partial_rotary_factor=0.75, short_factor=SHORT6, long_factor=LONG6)),
        matters={"longrope": dict(rope_parameters=rope(partial_rotary_factor=0.75)), "partial": dict(rope_parameters=rope(partial_rotary_factor=1.0))}),
    "gemma2": dict(
        seed=111, kinds=ALL,
        config=dict(model_type="gemma2", head_dim=32, query_pre_attn_scalar=20, sliding_window=WINDOW, attn_logit_softcapping=2.0,
                    final_logit_softcapping=3.0, rope_parameters=rope()),
        matters={"window": dict(layer_types=["full_attention"] * 2), "which layers": dict(layer_types=["full_attention", "sliding_attention"]),
                 "attention's cap": dict(attn_logit_softcapping=None), "the logits' cap": dict(final_logit_softcapping=None),
                 "scale": dict(query_pre_attn_scalar=32)}),
    "gemma3": dict(
        seed=112, kinds=ALL,
        config=dict(model_type="gemma3_text", num_hidden_layers=3, head_dim=32, num_key_value_heads=1, query_pre_attn_scalar=20,
                    sliding_window=WINDOW, sliding_window_pattern=2, final_logit_softcapping=3.0,
                    rope_parameters=dict(full_attention=rope("linear", 1e6, factor=8.0), sliding_attention=rope(theta=1e4))),
        matters={"window": dict(sliding_window=1000), "scale": dict(query_pre_attn_scalar=32),
                 "linear rope": dict(rope_parameters=dict(full_attention=rope(theta=1e6), sliding_attention=rope(theta=1e4))),
                 "local base": dict(rope_parameters=dict(full_attention=rope("linear", 1e6, factor=8.0), sliding_attention=rope(theta=1e6)))}),
    # As google/gemma-3-4b-it is laid out; names and config are rewritten by multimodal().
    "gemma3-multimodal": dict(
        seed=113, kinds=ALL, multimodal=True,
        config=dict(model_type="gemma3_text", head_dim=16, query_pre_attn_scalar=16, sliding_window=WINDOW, sliding_window_pattern=2,
                    rope_parameters=dict(full_attention=rope("linear", 1e6, factor=8.0), sliding_attention=rope(theta=1e4)))),
    "granite": dict(
        seed=114, kinds=ALL,
        config=dict(model_type="granite", tie_word_embeddings=True, embedding_multiplier=3.0, attention_multiplier=0.4, residual_multiplier=0.6,
                    logits_scaling=2.5, rope_parameters=rope(theta=1e7)),
        matters={k: {k: v} for k, v in dict(embedding_multiplier=1.0, attention_multiplier=0.25, residual_multiplier=1.0, logits_scaling=1.0).items()}),
    "granite-biased": dict(
        seed=115, kinds=("train",),
        config=dict(model_type="granite", num_hidden_layers=1, **{**ODD, "num_key_value_heads": 3}, attention_bias=True, mlp_bias=True, embedding_multiplier=2.0,
                    attention_multiplier=0.2, residual_multiplier=0.5, logits_scaling=4.0, rope_parameters=rope())),
    "olmo2": dict(
        seed=116, kinds=ALL, stored=torch.float32, config=dict(model_type="olmo2", rope_parameters=rope(theta=500000.0))),
    # More than was asked for, of parts that the others have.
    "olmo3": dict(
        seed=117, kinds=("train", "full"),  # olmo2 with windows; yarn on the global layers alone
        config=dict(model_type="olmo3", sliding_window=WINDOW, layer_types=["sliding_attention", "full_attention"],
                    rope_parameters=dict(full_attention=rope("yarn", 500000.0, **YARN), sliding_attention=rope(theta=500000.0))),
        older=dict(layer_types=["sliding_attention", "full_attention"]),
        matters={"window": dict(sliding_window=1000),
                 "yarn": dict(rope_parameters=dict(full_attention=rope(theta=500000.0), sliding_attention=rope(theta=500000.0)))}),
    "exaone4": dict(
        seed=118, kinds=("train",),  # norms behind only, q/k norm a head, rope on the local layers alone
        config=dict(model_type="exaone4", **ODD, sliding_window=WINDOW, sliding_window_pattern=2, rope_parameters=rope(theta=1e6)),
        matters={"window": dict(layer_types=["full_attention"] * 2)}),
    "seed-oss": dict(
        seed=119, kinds=("train",),  # qwen2 with a head width of its own; a bias behind attention
        config=dict(model_type="seed_oss", num_hidden_layers=1, **ODD, head_dim=32, attention_out_bias=True, attention_dropout=0.0, residual_dropout=0.0,
                    rope_parameters=rope(theta=1e7))),
    "glm4": dict(
        seed=137, kinds=ALL,  # norms around by names of its own, gate and up fused, neighbours turn, in half of each head
        config=dict(model_type="glm4", head_dim=32, rope_parameters=rope(partial_rotary_factor=0.5)),
        matters={"partial": dict(rope_parameters=rope(partial_rotary_factor=1.0))}),
    "glm4-yarn": dict(  # pairs that fill no vector; no biases
        seed=138, kinds=("train",),
        config=dict(model_type="glm4", **ODD, head_dim=24, attention_bias=False, tie_word_embeddings=True,
                    rope_parameters=rope("yarn", **YARN, partial_rotary_factor=0.25)),
        matters={"yarn": dict(rope_parameters=rope(partial_rotary_factor=0.25))}),
    "ernie4-5": dict(
        seed=139, kinds=ALL,  # neighbours turn
        config=dict(model_type="ernie4_5", tie_word_embeddings=True, head_dim=32, rope_parameters=rope(theta=500000.0)),
        matters={"base": dict(rope_parameters=rope(theta=1e4))}),
    "ernie4-5-dynamic": dict(
        seed=140, kinds=("train", "full"),  # biases everywhere; a dynamic rope
        config=dict(model_type="ernie4_5", **ODD, head_dim=16, tie_word_embeddings=False, use_bias=True, max_position_embeddings=ORIGINAL,
                    rope_parameters=rope("dynamic", 500000.0, factor=3.0)), lengths=LENGTHS + [40]),
    "hunyuan-dense": dict(
        seed=141, kinds=ALL,  # norms of heads behind rope, whose base is stretched
        config=dict(model_type="hunyuan_v1_dense", tie_word_embeddings=True, head_dim=32,
                    rope_parameters=rope("dynamic", alpha=1000.0, beta_fast=32, beta_slow=1, factor=1.0, mscale=1.0, mscale_all_dim=1.0)),
        matters={"alpha": dict(rope_parameters=rope())}),
    "hunyuan-dense-biased": dict(
        seed=142, kinds=("train", "full"),
        config=dict(model_type="hunyuan_v1_dense", **ODD, head_dim=24, attention_bias=True, rope_parameters=rope())),
    # Experts: PEFT adapts them by parameters, and bitsandbytes leaves them dense.
    "qwen3-moe": dict(
        seed=131, kinds=("train", "full"), aux=True, stored=torch.float32,  # the second layer is dense
        config=dict(model_type="qwen3_moe", num_hidden_layers=3, hidden_size=40, head_dim=8, intermediate_size=28, moe_intermediate_size=12,
                    num_experts=11, num_experts_per_tok=3, norm_topk_prob=True, mlp_only_layers=[1], rope_parameters=rope()),
        matters={"weights' sum": dict(norm_topk_prob=False)}),
    "qwen2-moe": dict(
        seed=132, kinds=("train", "full"), stored=torch.float32,
        config=dict(model_type="qwen2_moe", hidden_size=40, intermediate_size=28, moe_intermediate_size=12, shared_expert_intermediate_size=20,
                    num_experts=6, num_experts_per_tok=4, norm_topk_prob=False, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1,
                    rope_parameters=rope()),
        lora=dict(target_modules=list(TEXT) + ["shared_expert_gate"], target_parameters=["experts.gate_up_proj", "experts.down_proj"],
                  rank_pattern={r".*\.gate_up_proj": 4}, alpha_pattern={r".*\.gate_up_proj": 10}),
        matters={"weights' sum": dict(norm_topk_prob=True), "window": dict(layer_types=["full_attention"] * 2)}),
    "mixtral": dict(
        seed=133, kinds=("train", "full"), stored=torch.float32,
        config=dict(model_type="mixtral", hidden_size=40, intermediate_size=12, num_local_experts=5, num_experts_per_tok=2, sliding_window=WINDOW,
                    rope_parameters=rope(theta=1e6)), matters={"window": dict(sliding_window=None)}),
    "olmoe": dict(
        seed=134, kinds=("train", "full"), stored=torch.float32,
        config=dict(model_type="olmoe", hidden_size=40, intermediate_size=12, num_experts=8, num_experts_per_tok=4, norm_topk_prob=False, clip_qkv=0.9,
                    rope_parameters=rope()), matters={"weights' sum": dict(norm_topk_prob=True), "clamping": dict(clip_qkv=None)}),
    "granite-moe": dict(
        seed=135, kinds=("train", "full"), stored=torch.float32,  # stacked in the file
        config=dict(model_type="granitemoe", tie_word_embeddings=True, hidden_size=40, intermediate_size=12, num_local_experts=5, num_experts_per_tok=2,
                    embedding_multiplier=3.0, attention_multiplier=0.4, residual_multiplier=0.6, logits_scaling=2.5, rope_parameters=rope()),
        lora=dict(target_modules=list(TEXT[:4]), target_parameters=["gate_up_proj", "down_proj", "router.weight"],
                  rank_pattern={r".*\.gate_up_proj": 4}, alpha_pattern={r".*\.gate_up_proj": 10}),
        matters={k: {k: v} for k, v in dict(embedding_multiplier=1.0, attention_multiplier=0.31, residual_multiplier=1.0, logits_scaling=1.0).items()}),
    "gpt-oss": dict(
        seed=136, kinds=("train", "full"), aux=True, stored=torch.float32,  # stacks of (in, out), gate and up by turns; a limit that clamps
        config=dict(model_type="gpt_oss", hidden_size=40, head_dim=16, intermediate_size=12, num_local_experts=6, num_experts_per_tok=2, sliding_window=WINDOW,
                    swiglu_alpha=1.5, swiglu_limit=1.25, rope_parameters=rope("yarn", 150000.0, **YARN, truncate=False)),
        lora=dict(target_modules=list(TEXT[:4]), target_parameters=["gate_up_proj", "down_proj", "router.weight"],
                  rank_pattern={r".*\.gate_up_proj": 4}, alpha_pattern={r".*\.gate_up_proj": 10}),
        matters={"limit": dict(swiglu_limit=7.0), "slope": dict(swiglu_alpha=1.702), "window": dict(layer_types=["full_attention"] * 2),
                 "yarn": dict(rope_parameters=rope(theta=150000.0))}),
    "ministral3": dict(
        seed=151, kinds=ALL,  # yarn, and queries that grow beyond 12 and 24 tokens
        config=dict(model_type="ministral3", head_dim=32,
                    rope_parameters=rope("yarn", 1e6, factor=4.0, original_max_position_embeddings=12, llama_4_scaling_beta=0.4)),
        matters={"growth": dict(rope_parameters=rope("yarn", 1e6, factor=4.0, original_max_position_embeddings=12, llama_4_scaling_beta=0.0))}),
    "ministral3-window": dict(
        seed=152, kinds=("train", "full"),
        config=dict(model_type="ministral3", **ODD, head_dim=24, sliding_window=WINDOW,
                    rope_parameters=rope("yarn", 1e6, factor=4.0, original_max_position_embeddings=7, llama_4_scaling_beta=0.3, mscale=1.0, mscale_all_dim=1.0)),
        matters={"window": dict(sliding_window=None)}),
    "lfm2": dict(
        seed=153, kinds=ALL,  # a short convolution and attention; the MLP's width is 64
        config=dict(model_type="lfm2", intermediate_size=80, block_multiple_of=64, conv_L_cache=3, layer_types=["conv", "full_attention"],
                    rope_parameters=rope(theta=1e6)), older=dict(full_attn_idxs=[1])),
    "lfm2-biased": dict(
        seed=154, kinds=("train", "full"),  # four taps and biases; a width as it is given
        config=dict(model_type="lfm2", **ODD, num_hidden_layers=3, block_auto_adjust_ff_dim=False, conv_L_cache=4, conv_bias=True,
                    tie_word_embeddings=False, layer_types=["conv", "full_attention", "conv"], rope_parameters=rope()), older=dict(full_attn_idxs=[1])),
    # A head whose key and query are nearly orthogonal has a tiny output, which the norm enlarges with its rounding: a larger epsilon.
    # The delta rule is in fp32 in a model of float64 too; `double` takes its gradients in float64.
    "qwen3_5": dict(
        seed=161, kinds=ALL, stored=torch.float32, double=True,  # two value heads a key head; sequences over a chunk of 64
        config=dict(rms_norm_eps=1e-3, model_type="qwen3_5_text", head_dim=32, linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=16, linear_value_head_dim=16,
                    linear_conv_kernel_dim=4, layer_types=["linear_attention", "full_attention"], rope_parameters=rope(theta=1e6, partial_rotary_factor=0.25)),
        older=dict(full_attention_interval=2), lengths=[1, 7, 33, 64, 65, 128]),
    "qwen3_5-odd": dict(
        seed=162, kinds=("train", "full"), stored=torch.float32, double=True,  # tied, odd widths, biases of attention
        config=dict(rms_norm_eps=2e-2, model_type="qwen3_5_text", **ODD, head_dim=24, tie_word_embeddings=True, attention_bias=True, linear_num_key_heads=1, linear_num_value_heads=3,
                    linear_key_head_dim=10, linear_value_head_dim=6, linear_conv_kernel_dim=3, num_hidden_layers=3,
                    layer_types=["linear_attention", "linear_attention", "full_attention"], rope_parameters=rope(partial_rotary_factor=0.5)),
        older=dict(full_attention_interval=3), lengths=[1, 2, 63, 64, 65, 127]),
    "qwen3_5-moe": dict(
        seed=163, kinds=("train", "full"), stored=torch.float32, double=True,
        config=dict(rms_norm_eps=1e-3, model_type="qwen3_5_moe_text", hidden_size=40, head_dim=16, moe_intermediate_size=12, shared_expert_intermediate_size=20,
                    num_experts=6, num_experts_per_tok=3, linear_num_key_heads=2, linear_num_value_heads=2, linear_key_head_dim=8, linear_value_head_dim=12,
                    layer_types=["linear_attention", "full_attention"], rope_parameters=rope(partial_rotary_factor=0.5)),
        lora=dict(target_modules=["q_proj", "v_proj", "in_proj_qkv", "in_proj_a", "out_proj", "gate_proj", "shared_expert_gate"],
                  target_parameters=["experts.gate_up_proj", "experts.down_proj"],
                  rank_pattern={r".*\.gate_up_proj": 4}, alpha_pattern={r".*\.gate_up_proj": 10}),
        older=dict(full_attention_interval=2)),
    "llama-linear": dict(seed=121, config=dict(**LLAMA, rope_parameters=rope("linear", factor=3.0)), matters={"rope": dict(rope_parameters=rope())}),
    # Its context is 32 tokens: 33 are one above. Longer ones are in the rows.
    "llama-dynamic": dict(seed=122, kinds=("train",), config=dict(**LLAMA, max_position_embeddings=ORIGINAL, rope_parameters=rope("dynamic", factor=3.0)),
                          lengths=LENGTHS + [40, 90]),
    "llama-llama3": dict(
        seed=123, config=dict(**LLAMA, rope_parameters=rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                                            original_max_position_embeddings=64)), matters={"rope": dict(rope_parameters=rope())}),
    "llama-yarn": dict(seed=124, config=dict(**LLAMA, rope_parameters=rope("yarn", **YARN)), matters={"rope": dict(rope_parameters=rope())}),
    "llama-yarn-exact": dict(  # no rounding of the band, its edges given
        seed=125, config=dict(**LLAMA, rope_parameters=rope("yarn", **YARN, truncate=False, beta_fast=8.0, beta_slow=0.5)),
        matters={"truncate": dict(rope_parameters=rope("yarn", **YARN, beta_fast=8.0, beta_slow=0.5))}),
    "llama-yarn-factor": dict(
        seed=126, config=dict(**LLAMA, rope_parameters=rope("yarn", **YARN, attention_factor=0.7)), matters={"factor": dict(rope_parameters=rope("yarn", **YARN))}),
    "llama-yarn-mscale": dict(
        seed=127, config=dict(**LLAMA, rope_parameters=rope("yarn", **YARN, mscale=3.0, mscale_all_dim=0.2)),
        matters={"mscale": dict(rope_parameters=rope("yarn", **YARN))}),
    "llama-longrope": dict(  # the factor of attention from `factor`, not from the ratio of contexts
        seed=128, config=dict(**LLAMA, rope_parameters=rope("longrope", short_factor=SHORT8, long_factor=LONG8, factor=6.0,
                                                            original_max_position_embeddings=ORIGINAL)), matters={"rope": dict(rope_parameters=rope())}),
    "llama-longrope-factor": dict(
        seed=129, config=dict(**LLAMA, rope_parameters=rope("longrope", short_factor=SHORT8, long_factor=LONG8, attention_factor=1.7,
                                                            original_max_position_embeddings=ORIGINAL)),
        matters={"factor": dict(rope_parameters=rope("longrope", short_factor=SHORT8, long_factor=LONG8, original_max_position_embeddings=ORIGINAL))}),
}

DTYPE = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


@torch.no_grad()
def randomise(model, seed):
    """Weights far from transformers' initialisation. Gemma's and Qwen3.5's norms multiply by one and their weight, Gemma's embeddings are scaled up."""
    g = torch.Generator().manual_seed(seed)
    plain, embedding = (0.0, 0.1) if model.config.model_type.startswith("gemma") else (1.0, 0.3)
    delta = model.config.model_type.startswith("qwen3_5")
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=g)
        if "norm" in name and name.endswith("weight"):
            p.copy_((0.0 if delta and "linear_attn" not in name else plain) + 0.25 * noise)
        elif name.endswith("bias"):
            p.copy_(0.3 * noise)
        elif "embed_tokens" in name:
            p.copy_(embedding * noise)
        else:
            p.copy_(1.2 / p.shape[-1] ** 0.5 * noise)


def load(folder, dtype=torch.float32, **config):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager", experts_implementation="eager", **config)
    return model.to(dtype).eval()


def quantised(folder, **more):
    """In train mode: in eval mode bitsandbytes repacks the weights of its CPU layers and rounds their scales."""
    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.float32, **more)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", quantization_config=config).train()


def forget(model):
    """Puts a dynamic rope back to where it started."""
    for m in model.modules():
        if getattr(m, "rope_type", None) == "dynamic":
            m.inv_freq, m.max_seq_len_cached = m.original_inv_freq.clone(), m.original_max_seq_len


@torch.no_grad()
def logits(model, ids):
    forget(model)
    return common.logits(model, ids)


def same(model, sequences, values):
    """Products of this size may differ in the last bit with where their numbers lie in memory."""
    return all((logits(model, s) - v).abs().max() <= 1e-6 * v.abs().max() for s, v in zip(sequences, values))


def row_loss(model, row):
    forget(model)
    return common.row_loss(model, row)


@torch.no_grad()
def score(model, rows):
    return [-row_loss(model, row)[0].item() for row in rows]


def greedy(model, vocab, g):
    """The most likely tokens, each from a pass over all tokens before it: no cache that keeps keys of another rotation.

    Of 20 prompts, the one with the longest and then the most varied completion without a near tie.
    """
    best = None
    for _ in range(20):
        prompt, gap = torch.randint(3, vocab, (GREEDY["prompt"],), generator=g).tolist(), float("inf")
        ids = list(prompt)
        while len(ids) < len(prompt) + GREEDY["tokens"] and ids[-1] not in ENDS:
            two = logits(model, ids)[-1].topk(2)
            gap = min(gap, (two.values[0] - two.values[1]).item())
            ids.append(two.indices[0].item())
        found = {"prompt_ids": prompt, "ids": ids[len(prompt):], "smallest_gap": gap}
        value = (len(found["ids"]), len(set(found["ids"])))
        if gap > 5e-3 and (best is None or value > best[0]):
            best = value, found
    return best[1]


def token_rows(vocab):
    """Rows of 2 to 45 tokens, some with the padding token, three of them above ORIGINAL."""
    rng = random.Random(5)
    rows = []
    for n in (2, 45, 9, 17, WINDOW + 1, 33, 5, 40, 24, 12):
        rows.append({"ids": [rng.randrange(vocab) for _ in range(n)], "first_trained": rng.randint(1, min(n - 1, 6))})
    return rows


def train(model, groups, rows, s):
    parameters = [p for g in groups for p in g["params"]]
    optimizer = torch.optim.AdamW(groups, lr=s["learning_rate"], betas=(0.9, 0.999), eps=1e-8, foreach=False)
    history = {"losses": [], "grad_norms": [], "tokens": [], "trained_tokens": []}
    starts = list(range(0, len(rows), s["batch_size"]))
    for step in range(s["steps"]):
        start = starts[step % len(starts)]
        batch = rows[start : start + s["batch_size"]]
        trained = sum(len(r["ids"]) - r["first_trained"] for r in batch)
        total = 0.0
        for row in batch:
            loss, _ = row_loss(model, row)
            (loss / trained).backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(parameters, s["max_grad_norm"])
        optimizer.step()
        optimizer.zero_grad()
        history["losses"].append(total / trained)
        history["grad_norms"].append(norm.item())
        history["tokens"].append(sum(len(r["ids"]) for r in batch))
        history["trained_tokens"].append(trained)
    return history


def adapters(model, s=SETTINGS):
    chosen = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    assert chosen and all(".lora_" in n for n, _ in chosen)
    return [dict(params=[p for _, p in chosen], weight_decay=s["weight_decay"])]


def everything(model):
    """Decay on matrices alone. What text does not reach, a vision tower, stands still."""
    for n, p in model.named_parameters():
        p.requires_grad = "vision" not in n and "multi_modal" not in n
    chosen = [p for p in model.parameters() if p.requires_grad]
    matrices = {p for n, p in model.named_parameters() if p.dim() >= 2 and not n.endswith("bias")}  # stacks of biases have two dimensions
    return [dict(params=[p for p in chosen if p in matrices], weight_decay=FULL["weight_decay"]),
            dict(params=[p for p in chosen if p not in matrices], weight_decay=0.0)]


def by_expert(tensors, kind):
    """Those of experts one by one, named as in files; of gpt-oss as nudge sees them."""
    for n, t in tensors:
        stem, _, leaf = n.rpartition(".experts.")
        if not stem:
            yield n, t
            continue
        if kind == "gpt_oss":
            module, what = (leaf[:-5], "bias") if leaf.endswith("_bias") else (leaf, "weight")
            for e in range(t.shape[0]):
                yield f"{stem}.experts.{e}.{module}.{what}", t[e].T.contiguous() if what == "weight" else t[e]
            continue
        parts = ["down_proj"] if leaf == "down_proj" else ["gate_proj", "up_proj"]
        for e in range(t.shape[0]):
            for part, own in zip(parts, t[e].chunk(len(parts))):
                yield f"{stem}.experts.{e}.{part}.weight", own


# In memory and in files.
MIXTRAL = [(".mlp.", ".block_sparse_moe."), ("gate_proj", "w1"), ("up_proj", "w3"), ("down_proj", "w2")]
RENAMED = {"mixtral": MIXTRAL, "granitemoe": [(".router.weight", ".router.layer.weight")]}


def in_files(model, tensors):
    for n, t in by_expert(tensors, model.config.model_type):
        for one, other in RENAMED.get(model.config.model_type, []):
            n = n.replace(one, other)
        yield n, t


def sums(tensors):
    """name → sum and sum of magnitudes."""
    return {n: [t.double().sum().item(), t.double().abs().sum().item()] for n, t in tensors}


def signs(n):
    """SIGNS rows of n times +1 or -1: bit k of the numbers that SplitMix64 gives from 0."""
    z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return 1.0 - 2.0 * ((z[None, :] >> np.arange(SIGNS, dtype=np.uint64)[:, None]) & np.uint64(1)).astype(np.float64)


def sketch(tensors):
    """name → norm, and the tensor times each row of signs. Of a difference these are as large as its norm in the mean of squares."""
    return {n: [t.double().norm().item(), *(signs(t.numel()) @ t.detach().double().flatten().numpy()).tolist()] for n, t in tensors}


@contextlib.contextmanager
def in_double():
    """What a model of float64 computes in float32 is computed in float64."""
    plain_float, plain_to = torch.Tensor.float, torch.Tensor.to
    torch.Tensor.float = torch.Tensor.double
    torch.Tensor.to = lambda t, *a, **k: plain_to(t, *[torch.float64 if x is torch.float32 else x for x in a], **{n: torch.float64 if x is torch.float32 else x for n, x in k.items()})
    try:
        yield
    finally:
        torch.Tensor.float, torch.Tensor.to = plain_float, plain_to


def gradients(model, rows):
    """Those of the mean loss over all trained tokens."""
    everything(model)
    trained = sum(len(r["ids"]) - r["first_trained"] for r in rows)
    for row in rows:
        (row_loss(model, row)[0] / trained).backward()
    return sketch(in_files(model, [(n, p.grad) for n, p in model.named_parameters() if p.requires_grad]))


def balanced(model, rows):
    """The load-balancing loss of each row, and the gradients of the mean loss and half the mean of these."""
    everything(model)
    trained = sum(len(r["ids"]) - r["first_trained"] for r in rows)
    losses = []
    for row in rows:
        aux = model(input_ids=torch.tensor([row["ids"]]), output_router_logits=True, use_cache=False).aux_loss
        (row_loss(model, row)[0] / trained + 0.5 * aux / len(rows)).backward()
        losses.append(aux.item())
    named = [(n, p.grad) for n, p in model.named_parameters() if p.requires_grad]
    return {"losses": losses, "gradients": sketch(in_files(model, named))}


def changed(model, before):
    return [(n, t) for n, t in model.state_dict().items() if n not in before or not torch.equal(t, before[n])]


def merged_nf4(model):
    """The dequantised weights with the adapter on them; PEFT would quantise them again."""
    out = []
    for name, m in model.named_modules():
        if hasattr(m, "get_delta_weight") and isinstance(m.base_layer, Linear4bit):
            w = m.base_layer.weight
            out.append((name.split("base_model.model.")[1] + ".weight", bnb.dequantize_4bit(w.data, w.quant_state) + m.get_delta_weight("default")))
    return sums((n, t.detach()) for n, t in out)


def trainable(folder, adapter, dtype=torch.float32):
    return PeftModel.from_pretrained(load(folder, dtype), adapter, is_trainable=True, autocast_adapter_dtype=False).to(dtype)


def new_adapter(base, spec, folder, name, rank, alpha):
    """All linear layers but the head; B away from 0. Of a folder with a vision tower, the text part's alone."""
    targets = r".*\.language_model\..*\.(" + "|".join(TEXT) + ")" if spec.get("multimodal") else "all-linear"
    torch.manual_seed(spec["seed"])
    given = {"target_modules": targets, **spec.get("lora", {})}
    model = get_peft_model(load(base), LoraConfig(task_type="CAUSAL_LM", r=rank, lora_alpha=alpha, **given))
    g = torch.Generator().manual_seed(spec["seed"])
    with torch.no_grad():
        for n, p in model.named_parameters():
            if ".lora_B." in n:
                p.copy_(0.1 * torch.randn(p.shape, generator=g))
    save(model, folder, name)
    sorted_targets(folder)


def older(config, model_type):
    """config.json as transformers 4 wrote it: rope_theta, rope_scaling, torch_dtype; nothing of what follows from other keys."""
    c = {k: v for k, v in config.items() if k not in ("dtype", "layer_types", "_sliding_window_pattern")}
    c["torch_dtype"], c["transformers_version"] = config["dtype"], "4.51.0"
    r = c.pop("rope_parameters")
    if "full_attention" in r:
        c["rope_theta"] = r["full_attention"]["rope_theta"]
        if model_type == "gemma3_text":
            c["rope_local_base_freq"] = r["sliding_attention"]["rope_theta"]
        r = r["full_attention"]
    r = dict(r)
    c["rope_theta"] = r.pop("rope_theta")
    if "partial_rotary_factor" in r:
        c["partial_rotary_factor"] = r.pop("partial_rotary_factor")
    if model_type == "phi3":
        r.pop("original_max_position_embeddings", None)
        if "rope_type" in r:
            r["type"] = r.pop("rope_type")
    kind = r.get("rope_type", r.get("type"))
    c["rope_scaling"] = None if kind == "default" else r
    return c


def multimodal(config):
    """The config of a folder whose text part is `config`; a vision tower of one layer."""
    vision = dict(model_type="siglip_vision_model", hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=16,
                  patch_size=8, vision_use_head=False)
    return AutoConfig.for_model("gemma3", text_config=config.to_dict(), vision_config=vision, mm_tokens_per_image=1, boi_token_index=44,
                                eoi_token_index=45, image_token_index=46, eos_token_id=[1, 45])


def make(folder, spec, **sizes):
    """Writes the model of a case."""
    stored = spec.get("stored", torch.bfloat16)
    given = {**SMALL, **spec["config"], **sizes}
    config = AutoConfig.for_model(given.pop("model_type"), **given)
    if spec.get("multimodal"):
        config = multimodal(config)
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    randomise(model, spec["seed"])
    model = model.to(stored)
    model.config.dtype = stored
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    if os.path.exists(f"{folder}/generation_config.json") and not spec.get("multimodal"):
        os.remove(f"{folder}/generation_config.json")  # it says nothing that config.json does not
    return model.config


def rotations(model, ids):
    """What transformers rotates by after a pass over `ids`: frequencies and the factor of cos and sin, by layer type where there are two."""
    logits(model, ids)
    found = {}
    for name, m in model.named_modules():
        for b, t in m.named_buffers(recurse=False):
            if b.endswith("inv_freq") and "original" not in b:
                kind = b[: -len("inv_freq")]
                found[kind.rstrip("_") or "all"] = {"inv_freq": [float(f) for f in t], "attention_scaling": float(getattr(m, f"{kind}attention_scaling"))}
    return found


def nf4(folder, base, spec, rows, sequences):
    """The same in NF4 with double quantisation, and the checkpoint as transformers and bitsandbytes write it."""
    skipped = dict(llm_int8_skip_modules=["lm_head", "model.vision_tower"]) if spec.get("multimodal") else {}
    quantised(base, **skipped).save_pretrained(f"{folder}/model")
    if os.path.exists(f"{folder}/model/generation_config.json") and not spec.get("multimodal"):
        os.remove(f"{folder}/model/generation_config.json")
    model = quantised(base, **skipped)
    again = AutoModelForCausalLM.from_pretrained(f"{folder}/model", dtype=torch.float32, attn_implementation="eager").train()
    values = [logits(model, s) for s in sequences]
    assert same(again, sequences, values), "the stored checkpoint is another"
    write_tensors(f"{folder}/logits.safetensors", {f"logits.{i}": v for i, v in enumerate(values)})
    layers = sorted(n for n, m in model.named_modules() if isinstance(m, Linear4bit))
    model = PeftModel.from_pretrained(model, f"{folder}/../train/init", is_trainable=True).train()
    before = score(model, rows)
    history = train(model, adapters(model), rows, SETTINGS)
    write_json(f"{folder}/expected.json", {
        "settings": {**SETTINGS, "double_quant": True}, "layers": layers, "sequences": sequences, "largest_logit": max(v.abs().max().item() for v in values),
        **history, "score_before": before, "score_after": score(model, rows),
        "adapter": sums((n, p.detach()) for n, p in model.named_parameters() if p.requires_grad), "merged": merged_nf4(model)})
    return history


def one(out, name, spec):
    folder = f"{out}/families/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    base = f"{folder}/model"
    config = make(base, spec)
    text = config.get_text_config()
    model = load(base)
    g = torch.Generator().manual_seed(1000 + spec["seed"])
    sequences = [torch.randint(0, text.vocab_size, (n,), generator=g).tolist() for n in spec.get("lengths", LENGTHS)]
    values = [logits(model, s) for s in sequences]
    exact = load(base, torch.float64)
    largest = max(v.abs().max().item() for v in values)
    deviation = max((logits(exact, s) - v.double()).abs().max().item() for s, v in zip(sequences, values))
    for what, change in spec.get("matters", {}).items():
        other = load(base, **change)
        difference = max((logits(other, s) - v).abs().max().item() for s, v in zip(sequences, values))
        assert difference > 0.02 * largest, (name, what, difference, largest)

    # The layout of the files that people have.
    stored = read_json(f"{base}/config.json")
    if spec.get("multimodal"):
        old = {**stored, "text_config": older({"dtype": stored["dtype"], **stored["text_config"]}, "gemma3_text"), "torch_dtype": stored["dtype"]}
        old.pop("dtype")
        old["text_config"]["sliding_window_pattern"] = 2
    else:
        old = {**older(stored, text.model_type), **spec.get("older", {})}
    write_json(f"{folder}/config.transformers4.json", old)
    copy = f"{folder}/copy"
    shutil.copytree(base, copy)
    write_json(f"{copy}/config.json", old)
    again = load(copy)
    assert same(again, sequences, values), f"{name}: the older layout is another model"
    shutil.rmtree(copy)

    write_json(f"{folder}/inputs.json", {
        "sequences": sequences, "largest_logit": largest, "fp32_minus_fp64": deviation, "greedy": greedy(model, min(text.vocab_size, 44), g),
        "rope": {str(len(s)): rotations(model, s) for s in (sequences[1], sequences[-1])}})
    write_tensors(f"{folder}/logits.safetensors", {f"logits.{i}": v for i, v in enumerate(values)})
    line = f"{name}: largest logit {largest:.2f}, fp32 - fp64 {deviation:.1e}"

    kinds, rows = spec.get("kinds", ()), token_rows(text.vocab_size)
    if "train" in kinds:
        new_adapter(base, spec, f"{folder}/train/init", name, 2, 5)
        exact = trainable(base, f"{folder}/train/init", torch.float64)
        history64 = train(exact, adapters(exact), rows, SETTINGS)
        model = trainable(base, f"{folder}/train/init")
        before = score(model, rows)
        history = train(model, adapters(model), rows, SETTINGS)
        after = score(model, rows)
        save(model, f"{folder}/train/final", name)
        sorted_targets(f"{folder}/train/final")
        start = load(base).state_dict()
        merged = model.merge_and_unload()
        expected = {"settings": SETTINGS, **history, "losses_fp64": history64["losses"], "grad_norms_fp64": history64["grad_norms"],
                    "score_before": before, "score_after": after, "merged": sums(in_files(merged, changed(merged, start)))}
        gap = max(abs(a - b) / b for a, b in zip(history["losses"], history64["losses"]))
        line += f"; loss {history['losses'][0]:.3f} to {history['losses'][-1]:.3f} (fp64 {gap:.0e})"
        if "full" in kinds:
            with in_double() if spec.get("double") else contextlib.nullcontext():
                first = gradients(load(base, torch.float64), rows)
            model = load(base)
            origin = {n: p.detach().double() for n, p in model.named_parameters()}
            full = train(model, everything(model), rows, FULL)
            moved = sketch(in_files(model, [(n, p.detach().double() - origin[n]) for n, p in model.named_parameters() if p.requires_grad]))
            expected["full"] = {"settings": FULL, **full, "gradients": first, "moved": moved}
            if spec.get("aux"):
                expected["full"]["balanced"] = balanced(load(base, torch.float64, output_router_logits=True), rows)
            line += f", full {full['losses'][-1]:.3f}"
        write_json(f"{folder}/train/expected.json", expected)
    if "nf4" in kinds:
        history = nf4(f"{folder}/nf4", base, spec, rows, [sequences[0], sequences[2], sequences[-1]])
        line += f", NF4 {history['losses'][0]:.3f} to {history['losses'][-1]:.3f}"
    print(line, flush=True)


def defaults():
    """What an absent key of config.json means, and what PEFT targets when it is not told."""
    all = {}
    for kind in sorted({s["config"]["model_type"] for s in CASES.values()} | {"llama"}):
        config = CONFIG_MAPPING[kind]()
        keys = [k for k in type(config).__annotations__ if k not in ("use_cache", "initializer_range", "pretraining_tp")]
        values = config.to_dict()
        all[kind] = {"config": {k: values[k] for k in sorted(keys) if k in values},
                     "peft_targets": TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.get(kind)}
    return all


# ---- folders for a check that drives ./nudge

def outside(out, folder, name, spec):
    base = f"{folder}/{name}/model"
    shutil.rmtree(f"{folder}/{name}", ignore_errors=True)
    make(base, spec, vocab_size=VOCAB, intermediate_size=128, max_position_embeddings=256)  # above the longest row
    for f in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(f"{out}/tokenizer/plain/{f}", f"{base}/{f}")
    new_adapter(base, spec, f"{folder}/{name}/adapter", name, 4 + spec["seed"] % 3, 9)
    rng = random.Random(spec["seed"])
    texts = [{"prompt": sentence(rng, 1, 40 if i % 6 == 0 else 9), "completion": " " + sentence(rng, 1, 9)} for i in range(24)]
    tokenizer = Tokenizer.from_file(f"{out}/tokenizer/plain/tokenizer.json")
    rows = [row_tokens(tokenizer, r["prompt"], r["completion"], 1) for r in texts]
    s = dict(batch_size=8, steps=20, learning_rate=3e-3, weight_decay=0.05, max_grad_norm=1.0)
    skipped = dict(llm_int8_skip_modules=["lm_head", "model.vision_tower"]) if spec.get("multimodal") else {}
    for kind in ("", "-nf4") if "nf4" in spec.get("kinds", ()) else ("",):
        here = f"{folder}/{name}{kind}"
        if kind:
            shutil.rmtree(here, ignore_errors=True)
            shutil.copytree(f"{folder}/{name}", here)
        write_rows(f"{here}/data.jsonl", texts)
        start = (lambda: quantised(base, **skipped)) if kind else (lambda: load(base))
        plain = score(start(), rows)
        model = PeftModel.from_pretrained(start(), f"{here}/adapter", is_trainable=True)
        model.train(bool(kind))
        before = score(model, rows)
        history = train(model, adapters(model, s), rows, s)
        write_json(f"{here}/expected.json", {
            "settings": {**s, "quantize": "nf4" if kind else "none"}, "score": [{"logprob": p} for p in plain[:20]], "adapter_score": before[:20],
            "losses": history["losses"], "grad_norms": history["grad_norms"], "after_score": score(model, rows)[:20]})
        print(f"{name}{kind}: loss {history['losses'][0]:.4f} to {history['losses'][-1]:.4f}", flush=True)


def main(out, *names):
    if names[:1] == ("--outside",):
        for name in names[2:] or (n for n in CASES if n != "llama-dynamic"):  # in a longer context it is no other rope
            outside(out, names[1], name, CASES[name])
        return
    for name in names or CASES:
        one(out, name, CASES[name])
    if not names:
        for stale in set(os.listdir(f"{out}/families")) - set(CASES):
            path = f"{out}/families/{stale}"
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    write_rows(f"{out}/families/rows.jsonl", token_rows(SMALL["vocab_size"]))
    write_json(f"{out}/families/defaults.json", defaults())
    large = [p for p in glob.glob(f"{out}/families/**/*.*", recursive=True) if os.path.getsize(p) > 500_000]
    assert not large, large


if __name__ == "__main__":
    main(*sys.argv[1:])
