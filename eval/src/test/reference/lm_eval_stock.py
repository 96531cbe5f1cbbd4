"""Has lm-evaluation-harness score made-up answers to made-up documents by task files that come with it.

usage: lm_eval_stock.py FOLDER        writes what lm_eval_made.py does, and the harness's own task files as they are

The documents have the columns of the data sets that the files name, and lie where an export of those would. The files are
the harness's and not ours to give away, so this is no golden: compare what it writes with `nudge eval`. lm-eval 0.4.13.
"""

import os
import pathlib
import random
import shutil
import sys

import lm_eval_made as made

from common import write_rows

import lm_eval

FILES = (
    "piqa/piqa.yaml", "arc/arc_easy.yaml", "super_glue/boolq/default.yaml", "openbookqa/openbookqa.yaml", "sciq/sciq.yaml",
    "lambada/lambada_openai.yaml", "gsm8k/gsm8k.yaml", "triviaqa/default.yaml", "nq_open/nq_open.yaml",
    "mmlu/default/_default_template_yaml", "mmlu/default/mmlu_anatomy.yaml",
)
TASKS = ("piqa", "arc_easy", "boolq", "openbookqa", "sciq", "lambada_openai", "gsm8k", "triviaqa", "nq_open", "mmlu_anatomy")


def documents(rng):
    """Folder → columns of a document, by its place."""
    words = "the pump reads high when a valve leaks, then the seal is low".split()
    text = lambda low=2, high=6: " ".join(rng.choice(words) for _ in range(rng.randint(low, high)))
    scored = lambda n: {"logprobs": [made.logprob(rng, 1, 20) for _ in range(n)], "greedy": [i == 0 for i in range(n)]}
    lettered = lambda n: {"text": [text() for _ in range(n)], "label": list("ABCDE"[:n])}
    number = lambda i: f"1,{i}00"
    return {
        "baber/piqa": lambda i: {"goal": text(), "sol1": text(), "sol2": text(), "label": i % 2, **scored(2)},
        "allenai/ai2_arc/ARC-Easy": lambda i: {
            "id": f"a{i}", "question": text(), "choices": lettered(3 + i % 2), "answerKey": "ABC"[i % 3], **scored(3 + i % 2)},
        "aps/super_glue/boolq": lambda i: {"passage": text(8, 20), "question": text(), "idx": i, "label": i % 2, **scored(2)},
        "allenai/openbookqa/main": lambda i: {
            "id": f"o{i}", "question_stem": text(), "choices": lettered(4), "answerKey": " ABCD"[i % 5] if i % 5 else "A", **scored(4)},
        "allenai/sciq": lambda i: {
            "question": text(), **{f"distractor{j}": text() for j in (1, 2, 3)}, "correct_answer": text(), "support": "  " + text(8, 15),
            **scored(4)},
        "EleutherAI/lambada_openai/default": lambda i: {"text": text(6, 12), **scored(1)},
        "openai/gsm8k/main": lambda i: {
            "question": text(), "answer": f"{text()} 3+4=7\n#### {number(i)}",
            "texts": [[f"so {i}.\n#### {number(i)}", f"it is ${number(i)}.", f"#### {number(i + 1)} no", "none"][i % 4]]},
        "mandarjoshi/trivia_qa/rc.nocontext": lambda i: {
            "question": text(), "answer": {"aliases": [text(1, 2), f"Name {i}!"], "value": "x"}, "texts": [[f" name {i}", text()][i % 2]]},
        "google-research-datasets/nq_open": lambda i: {
            "question": text(), "answer": [text(1, 2), f"a Name {i}"], "texts": [[f"The name {i} ", text()][i % 2]]},
        "cais/mmlu/anatomy": lambda i: {
            "question": f" {text()}\n", "subject": "anatomy", "choices": [text() for _ in range(4)], "answer": i % 4, **scored(4)},
    }


def main(out):
    out = pathlib.Path(out).resolve()
    (out / "tasks").mkdir(parents=True)
    for file in FILES:
        folder = (out / "tasks" / file).parent
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(pathlib.Path(lm_eval.__file__).parent / "tasks" / file, folder)
    rng = random.Random(35)
    for path, row in documents(rng).items():
        splits = {"train": 9, "dev" if "mmlu" in path else "validation": 6, "test": 7}
        for split, n in splits.items():
            write_rows(f"{out}/data/{path}/{split}.jsonl", [row(i) for i in range(n)])
        owner, name, *config = path.split("/")
        if config:
            card = f"---\nconfigs:\n- config_name: {config[0]}\n  data_files:\n"
            for split in splits:
                card += f"  - split: {split}\n    path: {config[0]}/{split}.jsonl\n"
            (out / "data" / owner / name / "README.md").write_text(card + "---\n", encoding="utf-8")
    os.chdir(out / "data")
    made.save(out, TASKS, TASKS)


if __name__ == "__main__":
    main(sys.argv[1])
