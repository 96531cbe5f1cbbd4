"""Writes a GGUF file of a shape with random weights, or of a Llama folder's own, for llamacpp.py.

usage: random_gguf.py smollm2-135m|llama-3.2-1b|llama-7b|MODEL_FOLDER bf16|q4_1|q4_0|q8_0 OUT.gguf

A folder (llama, tied or not) keeps its own weights in bf16 or quantised; q and k are permuted as llama.cpp wants them. All
matrices, the embedding too, have the type; norms are f32. A tied head is the embedding's matrix; an untied one (7b) has the type.
A folder's file has no tokenizer: prompts are ids. A shape's has one token a byte, as nudge's random folders have, so a server can take
text. Random weights are one block of noise, repeated: rates do not depend on the numbers.

Tried with Python 3.11, gguf 0.19.0, numpy 2.4.6, safetensors 0.8.0.
"""
import argparse, json, pathlib
import gguf, numpy

SHAPES = {  # hidden, intermediate, layers, heads, kv heads, head dim, vocabulary, tied, rope base
    'smollm2-135m': (576, 1536, 30, 9, 3, 64, 49152, True, 1e5),
    'llama-3.2-1b': (2048, 8192, 16, 32, 8, 64, 128256, True, 5e5),
    'llama-7b': (4096, 11008, 32, 32, 32, 128, 32000, False, 1e4),
}
p = argparse.ArgumentParser()
p.add_argument('shape')
p.add_argument('type', choices=['bf16', 'q4_1', 'q4_0', 'q8_0'])
p.add_argument('out')
a = p.parse_args()
kind = gguf.GGMLQuantizationType[a.type.upper()]
folder = None if a.shape in SHAPES else pathlib.Path(a.shape)
if folder:
    o = json.loads((folder / 'config.json').read_text())
    heads = o['num_attention_heads']
    shape = (o['hidden_size'], o['intermediate_size'], o['num_hidden_layers'], heads, o['num_key_value_heads'],
             o.get('head_dim', o['hidden_size'] // heads), o['vocab_size'], o['tie_word_embeddings'], o.get('rope_theta', 1e4))
else:
    shape = SHAPES[a.shape]
hidden, inter, layers, heads, kv, dim, words, tied, base = shape
noise = numpy.random.default_rng(0).standard_normal((words if words < inter else inter, hidden), numpy.float32) * hidden**-0.5


def stored():
    """name -> f32 array of a folder"""
    from safetensors import safe_open
    files = sorted(folder.glob('*.safetensors'))
    where = {name: f for f in files for name in safe_open(f, 'pt').keys()}
    return lambda name: safe_open(where[name], 'pt').get_tensor(name).float().numpy()


read = stored() if folder else None


def matrix(name, rows, cols, permuted=0):
    if read:
        w = read(name)
        return w.reshape(permuted, 2, -1, cols).swapaxes(1, 2).reshape(w.shape) if permuted else w
    return numpy.resize(noise, (rows, cols))


w = gguf.GGUFWriter(a.out, 'llama')
w.add_name(a.shape if not folder else folder.name)
w.add_context_length(8192)
w.add_embedding_length(hidden)
w.add_block_count(layers)
w.add_feed_forward_length(inter)
w.add_head_count(heads)
w.add_head_count_kv(kv)
w.add_key_length(dim)
w.add_value_length(dim)
w.add_rope_dimension_count(dim)
w.add_rope_freq_base(base)
w.add_layer_norm_rms_eps(1e-5)
w.add_vocab_size(words)
if folder:
    w.add_tokenizer_model('none')
else:
    letters, more = [], 256  # of byte-level tokenizers: a printable byte is itself, the others follow each other from 256
    for b in range(256):
        itself = 33 <= b <= 126 or 161 <= b <= 172 or b >= 174
        letters.append(chr(b if itself else more))
        more += not itself
    tokens = ['<unk>', '<s>', '</s>'] + letters
    tokens += [f'word{i}' for i in range(len(tokens), words)]
    w.add_tokenizer_model('gpt2')
    w.add_tokenizer_pre('gpt-2')
    w.add_token_list(tokens)
    w.add_token_types([gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.NORMAL] * (words - 3))
    w.add_token_merges(['word300 word301'])  # there must be one; no text has it
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)
    w.add_add_bos_token(False)
w.add_quantization_version(gguf.GGML_QUANT_VERSION)
w.add_file_type({'bf16': 32, 'q4_1': 3, 'q4_0': 2, 'q8_0': 7}[a.type])


names = []  # (name in the file, rows or 0 for a norm, columns, name in the folder, heads of a permuted matrix)


def put(name, rows, cols, source, permuted=0):
    names.append((name, rows, cols, source, permuted))


put('token_embd.weight', words, hidden, 'model.embed_tokens.weight')
for i in range(layers):
    b, l = f'blk.{i}.', f'model.layers.{i}.'
    put(b + 'attn_norm.weight', 0, hidden, l + 'input_layernorm.weight')
    put(b + 'attn_q.weight', heads * dim, hidden, l + 'self_attn.q_proj.weight', heads)
    put(b + 'attn_k.weight', kv * dim, hidden, l + 'self_attn.k_proj.weight', kv)
    put(b + 'attn_v.weight', kv * dim, hidden, l + 'self_attn.v_proj.weight')
    put(b + 'attn_output.weight', hidden, heads * dim, l + 'self_attn.o_proj.weight')
    put(b + 'ffn_norm.weight', 0, hidden, l + 'post_attention_layernorm.weight')
    put(b + 'ffn_gate.weight', inter, hidden, l + 'mlp.gate_proj.weight')
    put(b + 'ffn_up.weight', inter, hidden, l + 'mlp.up_proj.weight')
    put(b + 'ffn_down.weight', hidden, inter, l + 'mlp.down_proj.weight')
put('output_norm.weight', 0, hidden, 'model.norm.weight')
if not tied:
    put('output.weight', words, hidden, 'lm_head.weight')
for name, rows, cols, _, _ in names:
    if rows:
        bytes_ = gguf.quant_shape_to_byte_shape((rows, cols), kind)
        w.add_tensor_info(name, bytes_, numpy.dtype(numpy.uint8), int(numpy.prod(bytes_)), kind)
    else:
        w.add_tensor_info(name, (cols,), numpy.dtype(numpy.float32), cols * 4)
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_ti_data_to_file()
made = {}  # one random matrix of each shape
for name, rows, cols, source, permuted in names:
    if not rows:
        w.write_tensor_data(read(source).astype(numpy.float32) if read else numpy.ones(cols, numpy.float32))
        continue
    data = None if read else made.get((rows, cols))
    if data is None:
        data = gguf.quantize(numpy.ascontiguousarray(matrix(source, rows, cols, permuted)), kind)
        made[rows, cols] = data
    w.write_tensor_data(data)
w.close()
