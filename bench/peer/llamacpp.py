"""Decodes with llama.cpp on CPU and prints one JSON line.

usage: llamacpp.py FILE.gguf [--threads 2] [--prompt 16] [--new 128] [--streams 1] [--repeat 3] [--flash auto|on|off] [--ids ID,ID,…]

Greedy, logits of the last token only, head included; the prompt is random ids unless --ids gives it. Each repeat begins with an
empty cache, the first only warms up; rates are medians. decode: (new - 1) tokens over the time from the first to the last new one,
times the streams, which share each llama_decode as llama.cpp's server batches its slots (here without HTTP).

Tried with Python 3.11, llama-cpp-python 0.3.36 (built with GGML_NATIVE=ON), gguf 0.19.0, numpy 2.4.6.
"""
import argparse, ctypes, json, os, statistics, time
import llama_cpp as c, numpy

p = argparse.ArgumentParser()
p.add_argument('file')
for name, value in dict(threads=2, prompt=16, new=128, streams=1, repeat=3).items():
    p.add_argument('--' + name, type=int, default=value)
p.add_argument('--flash', choices=['auto', 'on', 'off'], default='auto')
p.add_argument('--ids', default='')
a = p.parse_args()

quiet = c.llama_log_callback(lambda *_: None)
c.llama_log_set(quiet, ctypes.c_void_p(0))
c.llama_backend_init()
settings = c.llama_model_default_params()
settings.n_gpu_layers = 0
model = c.llama_model_load_from_file(a.file.encode(), settings)
if not model:
    raise SystemExit(f'{a.file} cannot be loaded')
words = c.llama_vocab_n_tokens(c.llama_model_get_vocab(model))
ids = [int(i) for i in a.ids.split(',')] if a.ids else numpy.random.default_rng(0).integers(100, words - 100, a.prompt).tolist()
wanted = c.llama_context_default_params()
wanted.n_ctx = (len(ids) + a.new) * a.streams
wanted.n_seq_max = a.streams
wanted.n_batch = max(512, len(ids) * a.streams)
wanted.kv_unified = False
wanted.n_threads = wanted.n_threads_batch = a.threads
wanted.flash_attn_type = dict(auto=-1, on=1, off=0)[a.flash]
context = c.llama_init_from_model(model, wanted)


def step(tokens, first):
    """Feeds each stream its tokens, which begin at `first`; the likeliest next one of each."""
    batch = c.llama_batch_init(sum(map(len, tokens)), 0, 1)
    last = []
    for stream, some in enumerate(tokens):
        for i, token in enumerate(some):
            n = batch.n_tokens
            batch.token[n], batch.pos[n], batch.n_seq_id[n], batch.seq_id[n][0] = token, first + i, 1, stream
            batch.logits[n] = i == len(some) - 1
            batch.n_tokens = n + 1
        last.append(batch.n_tokens - 1)
    if c.llama_decode(context, batch) != 0:
        raise SystemExit('llama_decode failed')
    c.llama_batch_free(batch)
    return [int(numpy.ctypeslib.as_array(c.llama_get_logits_ith(context, i), (words,)).argmax()) for i in last]


prompts, rates = [], []
for turn in range(a.repeat + 1):
    c.llama_memory_clear(c.llama_get_memory(context), True)
    start = time.perf_counter()
    new = [step([ids] * a.streams, 0)]
    first = time.perf_counter()
    while len(new) < a.new:
        new.append(step([[token] for token in new[-1]], len(ids) + len(new) - 1))
    if turn:
        prompts.append(a.streams * len(ids) / (first - start))
        rates.append(a.streams * (a.new - 1) / (time.perf_counter() - first))
print(json.dumps(dict(file=os.path.basename(a.file), bytes=os.path.getsize(a.file), threads=a.threads, prompt=len(ids), new=a.new, streams=a.streams,
                      decode_tokens_per_s=round(statistics.median(rates), 2), prompt_tokens_per_s=round(statistics.median(prompts), 1),
                      all_decode=[round(r, 2) for r in rates], ids=[tokens[0] for tokens in new[:16]])))
