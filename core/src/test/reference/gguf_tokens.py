"""Writes tokenizers as GGUF files without weights, and the tokens that llama.cpp gives texts by them.

usage: gguf_tokens.py OUT        writes OUT/gguf/tokens/<name>.gguf and cases.json

gguf 0.19.0, llama-cpp-python 0.3.36, tokenizers 0.23.3, numpy 2.4.6, Python 3.11. Byte-level vocabularies are trained on the texts below
with GPT-2's words; how a text is cut is llama.cpp's affair. Each has a word that no merge makes, for `ignore_merges`. The pieces of
SentencePiece are made the same way, their scores are the order of the merges.
llama.cpp drops spaces behind special tokens where `general.name` is that of a Phi-3.
"""

import json
import os
import sys

from gguf import GGUFWriter
from llama_cpp import Llama
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TEXTS = [
    'Hello world', ' leading', 'trailing ', 'two  spaces', 'many     spaces', 'line\nbreak', 'lines\n\n\nbreak', ' \n \t x', 'tab\ttab',
    "don't we've I'll THEY'RE it's", "'s'S'LL", '3.14 123456 42 7', 'year2024 v1.2.3', 'FooBar() == fooBar[0];', 'https://a.b/c?d=e&f', 'naïve café',
    'Ünder GRÖẞE', '漢字とかな', 'مرحبا بالعالم', 'Привет, мир', '🙂 🙂🙂 👩‍👩‍👧', 'a—b … “c”', '', ' ', '\n', 'x' * 40, '_under_score_', '#hash @at $5 100%',
    'Hello<|im_start|>user\nHi<|im_end|>\n', '<|im_start|> spaced', 'the unreachable word', 'İstanbul ǅ ʰ', '١٢٣ Ⅷ ½', 'a\u00a0b\u3000c', '<user> defined<user>',
    'end</s>', 'e/f/\ng', 'CamelCASEWord lowerUPPER', '<|im_start|>  \n  two <|im_end|> \n<s> x </s> y']
PRES = dict(llama3='llama-bpe', qwen2='qwen2', smollm='smollm', gpt2='gpt-2', tekken='tekken')
SPECIAL = ['<|im_start|>', '<|im_end|>', '<s>', '</s>']


def trained(bytes_):
    t = Tokenizer(models.BPE())
    if bytes_:
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        t.normalizer = normalizers.Replace(' ', '\u2581')
        t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme='never')
        alphabet = []
    corpus = [t for t in TEXTS if '<' not in t] * 3 + ['hello world the user is here and the word is there'] * 5
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=420 if bytes_ else 300, initial_alphabet=sorted(alphabet), show_progress=False))
    m = json.loads(t.to_str())['model']
    return [k for k, _ in sorted(m['vocab'].items(), key=lambda e: e[1])], [tuple(x) if isinstance(x, list) else tuple(x.split(' ')) for x in m['merges']]


def start(path, model):
    w = GGUFWriter(path, 'llama')
    w.add_block_count(1)
    w.add_context_length(64)
    w.add_embedding_length(32)
    w.add_feed_forward_length(32)
    w.add_head_count(2)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_tokenizer_model(model)
    return w


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def byte_level(path, pre):
    tokens, merges = trained(True)
    tokens += ['Ġunreachable', '<user>'] + SPECIAL
    types = [1] * (len(tokens) - 5) + [4] + [3] * 4
    w = start(path, 'gpt2')
    w.add_tokenizer_pre(pre)
    w.add_token_list(tokens)
    w.add_token_types(types)
    w.add_token_merges([' '.join(m) for m in merges])
    w.add_bos_token_id(tokens.index('<s>'))
    w.add_eos_token_id(tokens.index('</s>'))
    finish(w)


def pieces(path, prefix, name=None):
    normal, merges = trained(False)
    tokens = ['<unk>', '<s>', '</s>'] + [f'<0x{i:02X}>' for i in range(256)] + ['<user>', '<|im_start|>', '<|im_end|>']
    tokens += ['<|endoftext|>'] if name else ['  ', '    ']
    types = [2, 3, 3] + [6] * 256 + [4, 3, 3] + ([3] if name else [4, 4])
    rank = {a + b: i for i, (a, b) in reversed(list(enumerate(merges)))}
    scores = [0.0] * len(tokens)
    for t in normal:
        tokens.append(t)
        types.append(1)
        scores.append(-float(rank[t]) if t in rank else -1e4)
    w = start(path, 'llama')
    w.add_tokenizer_pre('default')
    w.add_token_list(tokens)
    w.add_token_scores(scores)
    w.add_token_types(types)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)
    w.add_add_space_prefix(prefix)
    if name:
        w.add_name(name)
    finish(w)


def main():
    out = f'{sys.argv[1]}/gguf/tokens'
    os.makedirs(out, exist_ok=True)
    cases = {}
    for name, pre in PRES.items():
        byte_level(f'{out}/{name}.gguf', pre)
    pieces(f'{out}/pieces.gguf', True)
    pieces(f'{out}/pieces-bare.gguf', False)
    pieces(f'{out}/pieces-phi.gguf', True, 'Tiny Phi-3 mini')
    for name in [*PRES, 'pieces', 'pieces-bare', 'pieces-phi']:
        l = Llama(f'{out}/{name}.gguf', vocab_only=True, verbose=False)
        cases[name] = [dict(text=t, ids=l.tokenize(t.encode(), add_bos=True, special=True)) for t in TEXTS]
        l.close()
    json.dump(cases, open(f'{out}/cases.json', 'w'), ensure_ascii=False, indent=0)


if __name__ == '__main__':
    main()
