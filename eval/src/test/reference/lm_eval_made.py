"""Has lm-evaluation-harness score made-up answers and save its own files.

usage: lm_eval_made.py GOLDENS        writes GOLDENS/lm-eval-made

Answers stand in the documents (`texts`: each repeat, `logprobs` and `greedy`: each request), so no model is there, repeats
differ and no number is rounded by one: what the harness makes of them holds to the last digits. Writes tasks/ (YAML),
data/ (JSONL), and what EvaluationTracker saves: samples_TASK.jsonl and, without times and settings, results.json.
Versions: lm-eval 0.4.13, datasets 5.2.0, scikit-learn 1.9.1, sacrebleu 2.6.0, CPython 3.11.
"""

import collections
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile

here = sys.path.pop(0)  # a script beside this one has the name of a module that torch imports
import statistics  # noqa: F401

sys.path.insert(0, here)
CORE = pathlib.Path(__file__).resolve().parents[4] / "core/src/test"
sys.path.append(str(CORE / "reference"))  # common

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["HF_DATASETS_CACHE"] = tempfile.mkdtemp()

from common import write_json, write_rows

import lm_eval
from lm_eval.api.model import LM
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager

BOOTSTRAPS = 2000
SAVED = ("ballots", "sides", "any_side", "pages", "said")  # of holes it would be no JSON: NaN


class Answered(LM):
    """Says what the document of a request has for it."""

    def loglikelihood(self, requests, disable_tqdm=False):
        logprob = lambda r: r.doc["logprobs"][r.idx]
        return [(float("nan") if logprob(r) is None else logprob(r), r.doc["greedy"][r.idx]) for r in requests]

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        return [r.doc["logprobs"][0] for r in requests]

    def generate_until(self, requests, disable_tqdm=False):
        asked = collections.Counter()
        said = []
        for r in requests:
            said.append(r.doc["texts"][asked[id(r)]])  # a request that is repeated is one object
            asked[id(r)] += 1
        return said


HEAD = """task: {0}
dataset_path: json
dataset_kwargs:
  data_files: {{test: {0}.jsonl}}
test_split: test
"""
TASKS = {
    "ballots": """output_type: generate_until
doc_to_text: "Q: {{q}}\\nA:"
doc_to_target: gold
repeats: 5
generation_kwargs: {until: ["\\n"], do_sample: true, temperature: 0.7, max_gen_toks: 9}
filter_list:
  - name: first
    filter: [{function: take_first}]
  - name: two
    filter: [{function: take_first_k, k: 2}]
  - name: vote
    filter: [{function: majority_vote}, {function: take_first}]
  - name: vote_of_three
    filter: [{function: take_first_k, k: 3}, {function: majority_vote}, {function: take_first}]
  - name: vote_of_numbers
    filter:
      - {function: regex, regex_pattern: "(-?\\\\d+)", fallback: "none"}
      - {function: majority_vote}
      - {function: take_first}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
""",
    "sides": """output_type: multiple_choice
doc_to_text: q
doc_to_choice: choices
doc_to_target: gold
metric_list:
  - {metric: acc}
  - {metric: acc_norm}
  - {metric: acc_bytes, aggregation: mean, higher_is_better: true}
  - {metric: acc_mutual_info, aggregation: mean, higher_is_better: true}
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
  - {metric: mcc, aggregation: matthews_corrcoef, higher_is_better: true}
  - {metric: brier_score, aggregation: brier_score, higher_is_better: false}
""",
    "two_sides": """output_type: multiple_choice
doc_to_text: q
doc_to_choice: choices
doc_to_target: gold
metric_list:
  - {metric: acc}
  - {metric: f1, aggregation: f1, higher_is_better: true}
""",
    "any_side": """output_type: multiple_choice
doc_to_text: q
doc_to_choice: choices
doc_to_target: gold
metric_list:
  - {metric: acc}
  - {metric: acc_bytes, aggregation: median, higher_is_better: true}
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
""",
    "holes": """output_type: loglikelihood
doc_to_text: q
doc_to_target: end
metric_list:
  - {metric: perplexity, aggregation: nanmean, higher_is_better: false}
  - {metric: acc, aggregation: mean, higher_is_better: true}
""",
    "ends": """output_type: loglikelihood
doc_to_text: q
doc_to_target: end
metric_list:
  - {metric: perplexity, aggregation: perplexity, higher_is_better: false}
  - {metric: acc, aggregation: nanmean, higher_is_better: true}
""",
    "pages": """output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: page
""",
    "said": """output_type: generate_until
doc_to_text: q
doc_to_target: gold
metric_list:
  - {metric: bleu, aggregation: bleu, higher_is_better: true}
  - {metric: chrf, aggregation: chrf, higher_is_better: true}
  - {metric: ter, aggregation: ter, higher_is_better: false}
""",
}


def logprob(rng, low, high, times=1):
    return -round(rng.uniform(low, high) * times, 3)


def sides(rng):
    """Three choices, of which each of four ways to choose likes another one more often than not."""
    rows = []
    for i in range(7):
        choices = [["no", "a long answer of narrow letters", "漢字漢字漢字"], ["ü", "yes it is", "🙂🙂🙂🙂"]][i % 2]
        logprobs = [logprob(rng, 1, 9, len(c.encode()) ** 0.6) for c in choices] + [logprob(rng, 5, 30) for _ in choices]
        rows.append({"id": i, "q": f"side {i}?", "choices": choices, "gold": rng.randint(0, 2), "logprobs": logprobs,
                     "greedy": [i % 3 == c for c in range(3)] + [False] * 3})
    rows[3]["logprobs"][:3] = [-8.0, -8.0, -8.0]  # the first of the largest
    return rows


def data():
    rng = random.Random(33)
    ballots = [
        ("12", ["12", "13", "12", "13", "13"]), ("x", ["x", "y", "y", "z", "x"]), ("y", ["x", "y", "y", "x", "z"]),
        ("it is 7", ["7", "it is 7", "it is 7", "so 7", "8"]), ("7", ["no 8", "8 or 9", "7", "7!", "7?"]),
        ("", ["a", "", "b", "", "c"]), ("none", ["-4", "4", "x", "y", "z"]), ("é", ["e\u0301", "é", " é", "é", "É"]),
    ]
    words = "the pump reads high when a valve leaks".split()
    text = lambda n: " ".join(rng.choice(words) for _ in range(n))
    likely = lambda: logprob(rng, 0.5, 40)
    return {
        "ballots": [{"id": i, "q": f"{i}", "gold": gold, "texts": texts} for i, (gold, texts) in enumerate(ballots)],
        "sides": sides(rng),
        "two_sides": [{"id": i, "q": f"{i}", "choices": ["no", "yes"], "gold": ["no", "yes"][rng.randint(0, 1)],
                       "logprobs": [likely(), likely()], "greedy": [False, False]} for i in range(9)],
        "any_side": [{"id": i, "q": f"{i}", "choices": ["a b c", "ü", "漢"], "gold": [7] if i == 5 else sorted(rng.sample(range(3), 1 + i % 2)),
                      "logprobs": [likely() for _ in range(3)], "greedy": [c == i % 3 for c in range(3)]} for i in range(7)],
        "holes": [{"id": i, "q": f"{i}", "end": f" {i}", "logprobs": [None if i in (1, 4) else likely()],
                   "greedy": [i % 2 == 0]} for i in range(8)],
        "ends": [{"id": i, "q": f"{i}", "end": f" {i}", "logprobs": [likely()], "greedy": [i % 3 == 0]} for i in range(7)],
        "pages": [{"id": i, "page": page, "logprobs": [logprob(rng, 1, 9, len(page))]}
                  for i, page in enumerate(["one", " two  words\n", "漢字 🙂", "é", text(12)])],
        "said": [{"id": i, "q": f"{i}", "gold": gold, "texts": [gold if i == 1 else text(6)[: 20 + i] + " " + gold[:9]]}
                 for i, gold in enumerate(text(7) + "." for _ in range(6))],
    }


def save(out, tasks, saved):
    """Scores tasks of OUT/tasks in the working folder and keeps what EvaluationTracker saves of them."""
    manager = TaskManager(include_path=f"{out}/tasks", include_defaults=False)
    found = lm_eval.simple_evaluate(
        model=Answered(), tasks=list(tasks), task_manager=manager, bootstrap_iters=BOOTSTRAPS, log_samples=True)
    samples = found.pop("samples")
    with tempfile.TemporaryDirectory() as folder:
        tracker = EvaluationTracker(output_path=folder)
        tracker.save_results_aggregated(results=found, samples=samples)
        for task in found["configs"]:
            tracker.save_results_samples(task_name=task, samples=samples[task])
        written = json.loads(next(pathlib.Path(folder).rglob("results_*.json")).read_text(encoding="utf-8"))
        write_json(f"{out}/results.json", {
            key: written[key] for key in ("results", "versions", "n-shot", "higher_is_better", "n-samples", "task_hashes")})
        for task in saved:
            shutil.copy(next(pathlib.Path(folder).rglob(f"samples_{task}_*.jsonl")), out / f"samples_{task}.jsonl")


def main(goldens):
    out = pathlib.Path(goldens).resolve() / "lm-eval-made"
    shutil.rmtree(out, ignore_errors=True)
    (out / "tasks").mkdir(parents=True)
    for name, rows in data().items():
        write_rows(f"{out}/data/{name}.jsonl", rows)
        (out / f"tasks/{name}.yaml").write_text(HEAD.format(name) + TASKS[name], encoding="utf-8")
    os.chdir(out / "data")  # data_files are found from here
    save(out, TASKS, SAVED)


if __name__ == "__main__":
    main(sys.argv[1])
