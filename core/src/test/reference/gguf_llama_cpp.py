"""llama.cpp on the files that `nudge export` writes: row scores and greedy texts beside nudge's own on the same file, an adapter alone, and
perplexity beside llama.cpp's own quantisation.

usage: gguf_llama_cpp.py NUDGE MODEL DATA.jsonl TEXT.txt [ADAPTER]        (NUDGE: the command; MODEL: a dense folder; DATA: prompt, completion)

llama-cpp-python 0.3.36, numpy 2.4.6, Python 3.11. llama.cpp rounds activations to 8 bits beside packed weights (to 16 beside f16), so scores
agree to that, and greedy texts until two tokens are nearly alike; perplexity is llama.cpp's on both files. Prints a line a type.
"""

import ctypes
import json
import os
import subprocess
import sys
import tempfile

import llama_cpp
import numpy as np
from llama_cpp import Llama

TYPES = 'f32 f16 bf16 q8_0 q4_k'.split()
FTYPES = {'q8_0': 7, 'q4_k': 15}  # of llama_model_quantize: Q8_0, Q4_K_M
CHUNK, CHUNKS = 256, 24


def run(*command):
    out = subprocess.run(command, capture_output=True, text=True)
    assert out.returncode == 0, out.stderr[-300:]
    return out.stdout


def lines(text):
    return sorted((json.loads(x) for x in text.splitlines() if x.startswith('{')), key=lambda r: r['index'])


def opened(path, **more):
    return Llama(path, n_ctx=512, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False, type_k=0, type_v=0, n_gpu_layers=0,
                 flash_attn=False, **more)


def logprobs(model, ids):
    model.reset()
    model.eval(ids)
    x = np.array(model.scores[:len(ids)], np.float64)
    x -= x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def ids_of(model, text):
    return model.tokenize(text.encode(), add_bos=False, special=True)


def score(model, row):
    """Log-probability of the completion and the end token, where prompt and completion are cut apart as tokens."""
    prompt = ids_of(model, row['prompt'])
    ids = ids_of(model, row['prompt'] + row['completion']) + [model.token_eos()]
    assert ids[:len(prompt)] == prompt
    lp = logprobs(model, ids)
    return sum(lp[i - 1, ids[i]] for i in range(len(prompt), len(ids)))


def greedy(model, prompt, count):
    ids = ids_of(model, prompt)
    start = len(ids)
    model.reset()
    model.eval(ids)
    while len(ids) < start + count:
        token = int(np.argmax(model.scores[len(ids) - 1]))
        if token == model.token_eos():
            break
        ids.append(token)
        model.eval([token])
    return model.detokenize(ids).decode('utf-8', 'replace')[len(model.detokenize(ids[:start]).decode('utf-8', 'replace')):]


def perplexity(model, ids):
    total = count = 0
    for i in range(0, min(len(ids), CHUNK * CHUNKS) - CHUNK + 1, CHUNK):
        lp = logprobs(model, ids[i:i + CHUNK])
        total -= sum(lp[j - 1, ids[i + j]] for j in range(1, CHUNK))
        count += CHUNK - 1
    return float(np.exp(total / count)), count


def compare(name, model, rows, folder, data, nudge, file, adapter=()):
    own = [r['logprob'] for r in lines(run(nudge, 'score', '--model', file, '--data', data, '--compute', 'fp32', *adapter))]
    theirs = [score(model, r) for r in rows]
    worst = max(abs(a - b) / max(1, abs(a)) for a, b in zip(own, theirs))
    prompts = f'{folder}/prompts.jsonl'
    open(prompts, 'w').writelines(json.dumps(dict(prompt=r['prompt'])) + '\n' for r in rows[:4])
    texts = [r['completion'] for r in
             lines(run(nudge, 'generate', '--model', file, '--data', prompts, '--max-tokens', '12', '--compute', 'fp32', *adapter))]
    same = sum(greedy(model, r['prompt'], 12) == t for r, t in zip(rows, texts))
    print(f'{name}: row scores within {worst:.1e} of nudge, {same} of {len(texts)} greedy texts equal', flush=True)


def main(nudge, source, data, text, adapter=None):
    rows = [json.loads(x) for x in open(data)][:6]
    with tempfile.TemporaryDirectory() as t:
        short = f'{t}/rows.jsonl'
        open(short, 'w').writelines(json.dumps(r) + '\n' for r in rows)
        for name in TYPES:
            run(nudge, 'export', '--model', source, '--type', name, '--out', f'{t}/{name}.gguf')
            model = opened(f'{t}/{name}.gguf')
            compare(name, model, rows, t, short, nudge, f'{t}/{name}.gguf')
            model.close()
        if adapter:
            run(nudge, 'export', '--model', source, '--adapter', adapter, '--adapter-only', '--out', f'{t}/lora.gguf')
            model = opened(f'{t}/f32.gguf', lora_path=f'{t}/lora.gguf')
            compare('LoRA file on f32', model, rows, t, short, nudge, f'{t}/f32.gguf', ('--adapter', adapter, '--any-base'))
            model.close()
        for name, ftype in {**FTYPES, 'bf16': None}.items():
            found = []
            for path in [f'{t}/{name}.gguf'] + ([f'{t}/their.gguf'] if ftype else []):
                if ftype and path.endswith('their.gguf'):
                    params = llama_cpp.llama_model_quantize_default_params()
                    params.ftype, params.nthread = ftype, 1
                    assert llama_cpp.llama_model_quantize(f'{t}/f32.gguf'.encode(), path.encode(), ctypes.byref(params)) == 0
                model = opened(path)
                found.append(perplexity(model, ids_of(model, open(text).read())))
                model.close()
            shown = ', llama.cpp\'s own '.join(f'{p:.4f}' for p, _ in found)
            apart = f', {found[0][0] / found[1][0] - 1:+.2%}' if ftype else ''
            print(f'{name}: perplexity {shown}{apart} over {found[0][1]} tokens, {os.path.getsize(f"{t}/{name}.gguf")} bytes', flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
