"""Runs EleutherAI's lm-evaluation-harness on task files of ours and records its numbers.

usage: lm_eval_cases.py GOLDENS           reads llama/grouped-tied/model and peft of core's goldens, writes GOLDENS/lm-eval
       lm_eval_cases.py GOLDENS lengths   writes the run `lengths` anew and leaves the others

Writes tasks/ (YAML), data/ (JSONL, CSV, one folder laid out as a data set of the hub), chat_template.jinja, and for each
run RUN.json: the results of simple_evaluate and, of every sample, what was asked, what was answered and each metric.

The tiny model says nonsense, so the answers that generated texts are compared with are made of what it says: exact in
some documents, changed in others. Versions: lm-eval 0.4.13, transformers 5.24.0, datasets 5.2.0, torch 2.15.0,
peft 0.21.2, accelerate 1.15.0, sacrebleu 2.6.0, scikit-learn 1.9.1, jinja2 3.1.6, CPython 3.11.
"""

import csv
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
os.environ["DISABLE_MULTIPROC"] = "1"
os.environ["HF_DATASETS_CACHE"] = tempfile.mkdtemp()

from common import WORDS, write_json, write_rows

import lm_eval
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

BOOTSTRAPS = 2000
LETTERS = "ABCD"


def words(rng, low, high):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


class Cases:
    def __init__(self, out, model):
        self.out, self.lm = out, model
        self.rng = random.Random(29)

    def rows(self, name, rows):
        write_rows(f"{self.out}/data/{name}", rows)

    def task(self, name, text, suffix=".yaml"):
        path = pathlib.Path(f"{self.out}/tasks/{name}{suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip("\n"), encoding="utf-8")

    def says(self, context, **kwargs):
        """What the model generates, as the harness cuts it."""
        kwargs = {"do_sample": False, **kwargs}
        return self.lm.generate_until(
            [Instance(request_type="generate_until", doc={}, arguments=(context, kwargs), idx=0)], disable_tqdm=True
        )[0]

    def changed(self, text, how):
        return [text, text.upper() + "!", "7 " + text, words(self.rng, 1, 3)][how % 4]

    # ---- data

    def data(self):
        rng = self.rng
        question = lambda: words(rng, 4, 9) + rng.choice(["", "?", " \"so\"?", "  "])
        self.rows("yesno.jsonl", [
            {"passage": words(rng, 5, 12), "question": question(), "label": rng.randint(0, 1)} for _ in range(14)])
        self.rows("letters.jsonl", [
            {"q": question(), "a": words(rng, 1, 2), "b": words(rng, 2, 3), "c": words(rng, 1, 4), "d": "ü " + words(rng, 1, 1),
             "key": rng.choice(LETTERS)} for _ in range(11)])
        self.rows("letters_shots.jsonl", [
            {"q": question(), "a": words(rng, 1, 2), "b": words(rng, 2, 3), "c": words(rng, 1, 4), "d": "é",
             "key": rng.choice(LETTERS)} for _ in range(6)])
        options = lambda: [words(rng, 1, 3) for _ in range(rng.randint(2, 5))]
        listed = []
        for i in range(12):
            some = list(dict.fromkeys(options() + ["pump"]))
            listed.append({"id": f"r{i}", "subject": rng.choice(["valves", "seals"]), "question": question(),
                           "options": some, "answer": rng.choice(some), "more": {"n": i, "note": None if i % 3 else "x"}})
        listed[7] = dict(listed[2], id="r2")  # the same document twice
        listed[9] = dict(listed[2], id="r2")
        self.rows("listed.jsonl", listed)
        self.rows("listed_pool.jsonl", [
            {"id": f"p{i}", "subject": "pumps", "question": question(), "options": (o := options()), "answer": o[i % len(o)],
             "more": {"n": i, "note": "y"}} for i in range(30)])
        self.rows("several.jsonl", [
            {"text": words(rng, 3, 8), "gold": sorted(rng.sample(range(3), rng.randint(1, 2)))} for _ in range(8)])
        self.rows("blank.jsonl", [
            {"sentence": words(rng, 2, 4) + " _ " + words(rng, 2, 5), "option1": words(rng, 1, 1), "option2": words(rng, 1, 2),
             "answer": str(rng.randint(1, 2))} for _ in range(9)])
        self.rows("last_word.jsonl", [{"text": words(rng, 4, 12)} for _ in range(9)] + [{"text": "a b "}, {"text": "x  yz"}])
        # The model's own continuation, so that one is greedy.
        own = self.says("near the pump", until=[], max_gen_toks=1)
        self.rows("greedy.jsonl", [{"start": "near the pump", "end": own}, {"start": "near the pump", "end": "!"},
                                   {"start": "", "end": "valve"}, {"start": "low ", "end": " high"}])
        long = [words(rng, 180, 220), words(rng, 600, 640), words(rng, 1, 2), "", "  two  spaces\tand\nlines \u00a0x ",
                "\U0001f642 漢字 " + words(rng, 20, 30)]
        self.rows("prose.jsonl", [{"page": text, "n": len(text)} for text in long])
        sums = []
        for i in range(12):
            q = f"{words(rng, 2, 5)} {i}"
            said = self.says(f"Q: {q}\nA:", until=["\n", "high"], max_gen_toks=14)
            choices = [words(rng, 1, 2), said.strip()[: 3 + i] or "x", "pump (2)"]
            sums.append({"q": q, "gold": self.changed(said, i), "choices": choices[i % 3 :] + choices[: i % 3], "key": i % 3})
        sums[3]["gold"] = str(7)
        self.rows("sums.jsonl", sums)
        lines = []
        for i in range(10):
            source = words(rng, 3, 8)
            said = self.says(f"Translate: {source}\n", until=["\n\n"], max_gen_toks=24, temperature=0.0)
            lines.append({"source": source, "target": said if i % 3 == 0 else self.changed(words(rng, 3, 6), 0) + " " + said[: 5 + i]})
        self.rows("lines.jsonl", lines)
        many = []
        for i in range(8):
            q = words(rng, 2, 6)
            said = self.says(f"{q} =", until=["."], max_gen_toks=6)
            many.append({"q": q, "golds": [words(rng, 1, 1), said if i % 2 else "none"] + (["x's \"y\""] if i % 3 == 0 else [])})
        self.rows("many.jsonl", many)
        with open(f"{self.out}/data/table.csv", "w", encoding="utf-8", newline="") as f:
            writer = csv.writer(f, lineterminator="\n")
            writer.writerow(["number", "share", "text", "kind", "flag"])
            for i in range(9):
                writer.writerow([i * 3, "" if i == 4 else i / 4, words(rng, 2, 4) + (", \"q\"" if i == 2 else ""),
                                 "" if i == 5 else rng.choice(["good", "bad"]), str(bool(i % 2))])
        for part, count in (("train", 5), ("test", 7)):
            self.rows(f"acme/quiz/hard/{part}.jsonl", [
                {"text": words(rng, 3, 6), "label": rng.randint(0, 2)} for _ in range(count)])
        pathlib.Path(f"{self.out}/data/acme/quiz/README.md").write_text(
            "---\nconfigs:\n- config_name: hard\n  data_dir: hard\n---\n", encoding="utf-8")

    def lengths(self):
        """Choices whose likeliest by characters is another one than by bytes, and some that the model would say."""
        rng = random.Random(31)
        narrow, wide = [w for w in WORDS if w.isascii()], ["漢字", "каша", "zwölf", "🙂", "señor", "é"]
        rows, apart, alike = [], 0, 0
        while len(rows) < 8:
            q = words(rng, 2, 5)
            choices = [" ".join(rng.choice(of) for _ in range(n)) for of, n in ((narrow, 4), (wide, 5), (narrow + wide, 6))]
            said = self.lm.loglikelihood(
                [Instance(request_type="loglikelihood", doc={}, arguments=(q, " " + c), idx=0) for c in choices], disable_tqdm=True)
            best = [max(range(3), key=lambda i: said[i][0] / of(choices[i])) for of in (len, lambda c: len(c.encode()))]
            if best[0] != best[1] and apart < 5:
                rows.append({"q": q, "choices": choices, "label": best[apart == 3] if apart < 4 else 3 - sum(best)})
                apart += 1
            elif best[0] == best[1] and alike < 3:
                rows.append({"q": q, "choices": choices, "label": (best[0] + alike) % 3})
                alike += 1
        while len(rows) < 11:
            q = words(rng, 1, 5)
            own = self.says(q, until=[], max_gen_toks=1)
            if own[0] == " " and own[1:].strip() and "\ufffd" not in own:
                rows.append({"q": q, "choices": [own[1:], "pump", "каша каша"], "label": [0, 1, 0][len(rows) - 8]})
        self.rows("lengths.jsonl", rows)
        self.task("lengths", """
task: lengths
dataset_path: json
dataset_kwargs:
  data_files: {test: lengths.jsonl}
output_type: multiple_choice
test_split: test
doc_to_text: q
doc_to_choice: choices
doc_to_target: label
metric_list:
  - metric: acc
  - metric: acc_norm
  - metric: acc_bytes
    aggregation: mean
    higher_is_better: true
  - metric: acc_mutual_info
    aggregation: mean
    higher_is_better: true
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
""")

    # ---- task files

    def tasks(self):
        self.task("yesno", """
task: yesno
dataset_path: json
dataset_kwargs:
  data_files:
    validation: yesno.jsonl
output_type: multiple_choice
validation_split: validation
doc_to_text: "{{passage}}\\nQuestion: {{question}}?\\nAnswer:"
doc_to_target: label
doc_to_choice: "{{[question.split(' ')[0], passage.split(' ')[1]]}}"
metric_list:
  - metric: acc
  - metric: acc_norm
    aggregation: mean
    higher_is_better: true
  - metric: acc_bytes
    aggregation: mean
    higher_is_better: true
  - metric: f1
    aggregation: f1
    higher_is_better: true
  - metric: mcc
    aggregation: matthews_corrcoef
    higher_is_better: true
  - metric: brier_score
    aggregation: brier_score
    higher_is_better: false
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1.0
""")
        self.task("letters", """
task: letters
tag: [drawn, quick]
dataset_path: json
dataset_kwargs:
  data_files: {train: letters_shots.jsonl, test: letters.jsonl}
output_type: multiple_choice
training_split: train
test_split: test
fewshot_split: train
fewshot_config:
  sampler: first_n
num_fewshot: 2
description: "The following are questions about valves.\\n\\n"
doc_to_text: "{{q.strip()}}\\nA. {{a}}\\nB. {{b}}\\nC. {{c}}\\nD. {{d}}\\nAnswer:"
doc_to_choice: "{{[a, b, c, d]}}"
doc_to_target: "{{['A', 'B', 'C', 'D'].index(key)}}"
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: acc_mutual_info
    aggregation: mean
    higher_is_better: true
  - metric: acc_norm
    aggregation: median
    higher_is_better: true
metadata:
  version: 2
""")
        self.task("listed", """
task: listed
tag: drawn
dataset_path: json
dataset_kwargs:
  data_files: {train: listed_pool.jsonl, test: listed.jsonl}
output_type: multiple_choice
training_split: train
test_split: test
num_fewshot: 3
description: "About {{subject}}, {{more.note if more.note else 'no note'}}."
fewshot_delimiter: "\\n###\\n"
target_delimiter: " => "
doc_to_text: question
doc_to_choice: options
doc_to_target: answer
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
metadata:
  version: 0.1
""")
        self.task("same_split", """
include: listed.yaml
task: same_split
tag: null
dataset_kwargs:
  data_files: {test: listed.jsonl}
training_split: null
fewshot_split: test
num_fewshot: 4
description: ""
target_delimiter: " "
""")
        self.task("several", """
task: several
dataset_path: json
dataset_kwargs:
  data_files: {test: several.jsonl}
output_type: multiple_choice
test_split: test
doc_to_text: "{{text}}"
doc_to_choice: {one: "pump", two: "the seal", three: "zwölf"}
doc_to_target: gold
num_fewshot: 0
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: acc_norm
    aggregation: mean
    higher_is_better: true
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
""")
        self.task("blank", """
task: blank
dataset_path: json
dataset_kwargs:
  data_files: {test: blank.jsonl}
output_type: multiple_choice
test_split: test
fewshot_split: test
fewshot_config:
  sampler: default
doc_to_text: "{{ {'1': 0, '2': 1}[answer] }}"
doc_to_choice: "{% set idx = sentence.index('_') %}{{ [sentence[0:idx] + option1, sentence[0:idx] + option2] }}"
doc_to_target: "{% set idx = sentence.index('_') + 1 %}{{sentence[idx:].strip()}}"
num_fewshot: 1
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
""")
        self.task("last_word", """
task: last_word
tag:
  - quick
dataset_path: json
dataset_kwargs:
  data_files: {test: last_word.jsonl}
output_type: loglikelihood
test_split: test
doc_to_text: "{{text.split(' ')[:-1]|join(' ')}}"
doc_to_target: "{{' '+text.split(' ')[-1]}}"
should_decontaminate: true
doc_to_decontamination_query: "{{text}}"
metric_list:
  - metric: perplexity
    aggregation: perplexity
    higher_is_better: false
  - metric: acc
    aggregation: mean
    higher_is_better: true
""")
        self.task("greedy", """
task: greedy
dataset_path: json
dataset_kwargs:
  data_files: {test: greedy.jsonl}
output_type: loglikelihood
test_split: test
doc_to_text: start
doc_to_target: end
""")
        self.task("prose", """
task: prose
task_alias: Prose of pumps
dataset_path: json
dataset_kwargs:
  data_files: {test: prose.jsonl}
output_type: loglikelihood_rolling
test_split: test
doc_to_text: ""
doc_to_target: page
metric_list:
  - metric: word_perplexity
    aggregation: weighted_perplexity
    higher_is_better: false
  - metric: byte_perplexity
    aggregation: weighted_perplexity
    higher_is_better: false
  - metric: bits_per_byte
    aggregation: bits_per_byte
    higher_is_better: false
""")
        self.task("sums", """
task: sums
dataset_path: json
dataset_kwargs:
  data_files: {test: sums.jsonl}
output_type: generate_until
test_split: test
doc_to_text: "Q: {{q}}\\nA:"
doc_to_target: gold
generation_kwargs:
  until: ["\\n", "high"]
  do_sample: false
  max_gen_toks: 14
filter_list:
  - name: strict
    filter:
      - function: regex
        regex_pattern: "([a-z]+) ?([A-Z]*)"
      - function: take_first
  - name: last
    filter:
      - function: regex
        group_select: -1
        regex_pattern: "\\\\w+"
        fallback: "nothing"
      - function: lowercase
      - function: take_first
  - name: bare
    filter:
      - function: remove_whitespace
      - function: uppercase
      - function: take_first
  - name: mapped
    filter:
      - function: regex
        regex_pattern: "(s)|(a)|(\\u00e9)"
      - function: map
        mapping_dict: {s: "7", a: "first"}
        default_value: "other"
      - function: take_first
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
    ignore_case: true
    ignore_punctuation: true
    ignore_numbers: false
    regexes_to_ignore:
      - "^\\\\s+"
      - "7 "
""")
        self.task("sums_plain", """
include: sums.yaml
task: sums_plain
filter_list: null
repeats: 2
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
    ignore_numbers: true
""")
        self.task("votes", """
include:
  - sums.yaml
  - parts/three_times
task: votes
filter_list:
  - name: vote
    filter:
      - function: take_first_k
        k: 2
      - function: majority_vote
      - function: take_first
  - name: pair
    filter:
      - function: take_first_k
        k: 3
""")
        self.task("parts/three_times", """
repeats: 3
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
""", suffix="")
        self.task("letter_out", """
include: sums.yaml
task: letter_out
doc_to_target: "{{'(' ~ 'ABC'[key] ~ ')'}}"
filter_list:
  - name: flexible
    filter:
      - function: multi_choice_regex
        regex_pattern: "(\\\\([A-Z]\\\\))"
        ignore_case: true
        ignore_punctuation: true
        regexes_to_ignore: ["[0-9]"]
        group_select: 0
      - function: take_first
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
""")
        self.task("lines", """
task: lines
dataset_path: json
dataset_kwargs:
  data_files: {test: lines.jsonl}
test_split: test
doc_to_text: "Translate: {{source}}\\n"
doc_to_target: target
generation_kwargs:
  max_gen_toks: 24
  temperature: 0.0
metric_list:
  - metric: bleu
    aggregation: bleu
    higher_is_better: true
  - metric: chrf
    aggregation: chrf
    higher_is_better: true
  - metric: ter
    aggregation: ter
    higher_is_better: false
""")
        self.task("many", """
task: many
dataset_path: json
dataset_kwargs:
  data_files: {test: many.jsonl}
output_type: generate_until
test_split: test
doc_to_text: "{{q}} ="
doc_to_target: "{{golds}}"
generation_kwargs: {until: ".", max_gen_toks: 6}
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
""")
        self.task("prefixed", """
task: prefixed
dataset_path: json
dataset_kwargs:
  data_files: {test: sums.jsonl}
output_type: generate_until
test_split: test
doc_to_text: "Q: {{q}}"
doc_to_target: gold
gen_prefix: "Answer {{choices[0]}}:"
num_fewshot: 2
fewshot_config:
  sampler: first_n
  samples:
    - {q: "one", gold: "two", choices: ["k"], why: "because"}
    - {q: "seven pumps ", gold: "9", choices: ["m "], why: "so"}
    - {q: "unused", gold: "x", choices: ["-"], why: "-"}
  doc_to_text: "Shot: {{q}} ({{why}})"
  doc_to_target: "{{gold}}."
  target_delimiter: "\\n"
  fewshot_delimiter: "\\n--\\n"
description: "Answer briefly. "
generation_kwargs: {until: ["\\n"], max_gen_toks: 8}
""")
        self.task("prefixed_choice", """
task: prefixed_choice
dataset_path: json
dataset_kwargs:
  data_files: {test: letters.jsonl, dev: letters_shots.jsonl}
output_type: multiple_choice
test_split: test
validation_split: dev
doc_to_text: q
doc_to_choice: "{{[a, b, c, d]}}"
doc_to_target: "{{'ABCD'.index(key)}}"
gen_prefix: "It is"
num_fewshot: 1
""")
        self.task("table", """
task: table
dataset_path: csv
dataset_kwargs:
  data_files: {test: table.csv}
output_type: multiple_choice
test_split: test
doc_to_text: "{{number}}|{{share}}|{{text}}|{{kind}}|{{flag}}:"
doc_to_choice: ["good", "bad"]
doc_to_target: "{{0 if kind == 'good' else 1}}"
num_fewshot: 1
fewshot_split: test
fewshot_config: {sampler: first_n}
""")
        self.task("quiz", """
task: quiz
dataset_path: acme/quiz
dataset_name: hard
output_type: multiple_choice
training_split: train
test_split: test
doc_to_text: "{% for w in text.split() %}{{ loop.index }}. {{ w|capitalize }}\\n{% endfor %}{{ text | regex_replace('[aeiou](.)', '<\\\\1>') }} {{ text.replace('e', '3').upper()[:4] }}\\n"
doc_to_choice: ["{{label}}", " b", "c c"]
doc_to_target: label
target_delimiter: ""
num_fewshot: 1
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: mcc
    aggregation: matthews_corrcoef
    higher_is_better: true
""")
        self.task("groups/suite", """
group: suite
group_alias: The suite
task:
  - yesno
  - task: letters
    num_fewshot: 1
    task_alias: letters, one shot
  - group: inner
    task:
      - quiz
      - table
    aggregate_metric_list:
      - metric: acc
        weight_by_size: false
  - small
aggregate_metric_list:
  - metric: acc
    aggregation: mean
    weight_by_size: true
  - metric: acc_norm
    filter_list: none
    weight_by_size: false
metadata:
  version: 3
""")
        self.task("groups/small", """
group: small
task: [several]
target_delimiter: ": "
aggregate_metric_list:
  metric: exact_match
""")
        self.task("zz/second_yesno", "task: yesno\ndataset_path: json\n")  # the first of a name is the one
        template = (
            "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}</s>\n{% endfor %}"
            "{% if add_generation_prompt %}<|assistant|>{% endif %}"
        )
        pathlib.Path(f"{self.out}/chat_template.jinja").write_text(template, encoding="utf-8")


def small(sample):
    """A sample without what follows from the rest."""
    kept = {k: v for k, v in sample.items() if k not in ("doc", "metrics")}
    kept["arguments"] = [list(a) for a in sample["arguments"]]
    return kept


def plain(value):
    return json.loads(json.dumps(value, default=lambda o: o.tolist() if hasattr(o, "tolist") else str(o)))


def run(out, name, lm, tasks, **more):
    manager = TaskManager(include_path=f"{out}/tasks", include_defaults=False)
    found = lm_eval.simple_evaluate(
        model=lm, tasks=tasks, task_manager=manager, bootstrap_iters=BOOTSTRAPS, log_samples=True, **more
    )
    keys = ("results", "groups", "group_subtasks", "versions", "n-shot", "higher_is_better", "n-samples")
    record = {k: found[k] for k in keys if k in found}
    record["samples"] = {task: [small(s) for s in samples] for task, samples in found["samples"].items()}
    write_json(f"{out}/{name}.json", plain(record))


def lengths(out, lm, cases):
    cases.lengths()
    os.chdir(out + "/data")
    run(out, "lengths", lm, ["lengths"])


def main(goldens, only=None):
    out = str(pathlib.Path(goldens).resolve() / "lm-eval")
    folder = str(CORE / "resources/golden/llama/grouped-tied/model")
    adapter = str(CORE / "resources/golden/peft/all-linear/adapter")
    lm = HFLM(pretrained=folder, dtype="float32", device="cpu", batch_size=1)
    cases = Cases(out, lm)
    if only == "lengths":
        lengths(out, lm, cases)
        return
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out + "/data")
    cases.data()
    cases.tasks()
    os.chdir(out + "/data")  # data_files are found from here, and the data set of the hub
    run(out, "plain", lm, ["suite", "listed", "same_split", "blank", "last_word", "greedy", "prose", "sums", "sums_plain",
                           "votes", "letter_out", "lines", "many", "prefixed", "prefixed_choice"])
    run(out, "limited", lm, ["drawn", "yesno", "many", "several"], limit=5, num_fewshot=2)
    adapted = HFLM(pretrained=folder, peft=adapter, dtype="float32", device="cpu", batch_size=1)
    run(out, "adapter", adapted, ["yesno", "listed", "sums", "prose", "last_word"])
    with tempfile.TemporaryDirectory() as chat:
        shutil.copytree(folder, chat, dirs_exist_ok=True)
        shutil.copy(f"{out}/chat_template.jinja", chat)
        talking = HFLM(pretrained=chat, dtype="float32", device="cpu", batch_size=1)
        spoken = ["listed", "prefixed", "prefixed_choice", "blank", "sums_plain", "last_word"]
        run(out, "chat", talking, spoken, apply_chat_template=True, system_instruction="Be terse.", limit=4)
        run(out, "chat_one_turn", talking, spoken, apply_chat_template=True, fewshot_as_multiturn=False, limit=4)
    lengths(out, lm, cases)


if __name__ == "__main__":
    main(*sys.argv[1:])
