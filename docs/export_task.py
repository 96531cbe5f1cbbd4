"""Writes a task of lm-evaluation-harness that has Python in it as one without: a task file and its documents as JSONL.

usage: export_task.py TASK OUT [FOLDER]     with lm-eval 0.4.13 installed; FOLDER: task files beside the harness's own

What process_docs, doc_to_text, doc_to_target, doc_to_choice and gen_prefix make becomes columns of the documents:
OUT/TASK.yaml asks for them by name, and OUT/TASK/test.jsonl (and shots.jsonl) has them. Functions that score
(process_results, metrics, filters) cannot be written down so, and end this with their names.
"""

import json
import pathlib
import sys

import yaml
from lm_eval.tasks import TaskManager

KEPT = ("output_type", "num_fewshot", "target_delimiter", "fewshot_delimiter", "repeats", "metric_list", "filter_list")


def main(name, out, folder=None):
    task = TaskManager(include_path=folder).load([name])["tasks"][name]
    config, shots = task.config, task.fewshot_cfg
    scoring = [key for key in ("process_results",) if callable(getattr(config, key))]
    scoring += [m["metric"] for m in config.metric_list or [] if callable(m["metric"]) or callable(m.get("aggregation"))]
    scoring += [f["function"] for p in config.filter_list or [] for f in p["filter"] if "filter_fn" in f]
    if scoring:
        sys.exit(f"{name} is scored by Python: {scoring}")

    def row(doc, text, target, choice, prefix):
        made = {"asked": task.doc_to_text(doc, text), "answer": task.doc_to_target(doc, target)}
        if config.doc_to_choice is not None:
            made["choices"] = task.doc_to_choice(doc, choice)
        if prefix is not None:
            made["prefix"] = prefix(doc)
        if config.description:
            made["described"] = task.resolve_field(doc, config.description)
        return made

    def write(split, docs, *fields):
        file = pathlib.Path(out, name, split + ".jsonl")
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file, "w", encoding="utf-8") as f:
            for doc in docs:
                f.write(json.dumps(row(doc, *fields), ensure_ascii=False) + "\n")

    prefixed = task.doc_to_prefix if config.gen_prefix else None
    write("test", task.eval_docs, None, None, None, prefixed)
    same = shots.split is not None and shots.split == config.test_split
    if config.num_fewshot and not same:
        shot_prefix = (lambda doc: task.resolve_field(doc, shots.gen_prefix)) if shots.gen_prefix else None
        write("shots", task.fewshot_docs(), shots.doc_to_text, shots.doc_to_target, shots.doc_to_choice, shot_prefix)
    written = {"task": name, "dataset_path": name, "test_split": "test"}
    written |= {key: getattr(config, key) for key in KEPT if getattr(config, key) is not None}
    written |= {"doc_to_text": "asked", "doc_to_target": "answer"}
    if config.doc_to_choice is not None:
        written["doc_to_choice"] = "choices"
    if prefixed:
        written["gen_prefix"] = "prefix"
    if config.description:
        written["description"] = "described"
    if config.output_type == "generate_until":
        written["generation_kwargs"] = config.generation_kwargs
    if config.num_fewshot:
        written["fewshot_split"] = "test" if same else "shots"
        written["fewshot_config"] = {"sampler": shots.sampler, "target_delimiter": shots.target_delimiter,
                                     "fewshot_delimiter": shots.fewshot_delimiter}
    with open(pathlib.Path(out, name + ".yaml"), "w", encoding="utf-8") as f:
        yaml.safe_dump(written, f, sort_keys=False, allow_unicode=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
