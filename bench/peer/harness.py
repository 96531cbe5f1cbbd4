"""Evaluates tasks with EleutherAI's lm-evaluation-harness, the model loaded once, each task timed.

usage: harness.py MODEL TASKS DTYPE THREADS TASK:BATCH:LIMIT…      LIMIT: documents of the task; 0: all

Prints "LOADED seconds" (imports and model, since the start) and for each task "RESULT" with a JSON object: the seconds
of simple_evaluate, without resampling, and the task's numbers. Documents are found in the working folder.
"""

import time

START = time.time()

import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")
for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
    os.environ[name] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HOME"] = os.path.abspath("cache")

import lm_eval
import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

model, tasks, dtype, threads = sys.argv[1:5]
torch.set_num_threads(int(threads))
lm = HFLM(pretrained=model, dtype=dtype, device="cpu", batch_size=1)
manager = TaskManager(include_path=tasks, include_defaults=False)
print("LOADED", time.time() - START, flush=True)
for asked in sys.argv[5:]:
    task, batch, limit = asked.split(":")
    lm.batch_size_per_gpu = batch if batch == "auto" else int(batch)
    start = time.time()
    found = lm_eval.simple_evaluate(
        model=lm, tasks=[task], task_manager=manager, limit=int(limit) or None, bootstrap_iters=0
    )
    seconds = time.time() - start
    numbers = {
        key.removesuffix(",none"): value
        for key, value in found["results"][task].items()
        if key.endswith(",none") and "stderr" not in key
    }
    requests = sum(len(sample["arguments"]) for sample in found["samples"][task])
    result = {"task": task, "batch": batch, "seconds": seconds, "requests": requests, "numbers": numbers}
    print("RESULT", json.dumps(result), flush=True)
