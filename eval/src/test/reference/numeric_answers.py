"""Writes numeric-answers.json: what TAT-QA's own script says of numbers, spans and scales.

Run with tatqa_metric.py and tatqa_utils.py of github.com/NExTplusplus/TAT-QA, commit 870accc4, in a folder, and numpy
2.4.6, scipy 1.17.1, pandas 3.1.1 on Python 3.11: python numeric_answers.py OUT/numeric-answers.json FOLDER
"""
import json
import random
import sys

sys.path.insert(0, sys.argv[2])
import tatqa_metric

rng = random.Random(3)
SCALES = ["", "thousand", "million", "billion", "percent"]
ODD = [
    "23.42", "0.2342", "23.42%", "(134)", "-134", "$ 1,234.5", "1,234", "1234.0", ".5", "5.", "+7", "1.005", "2.675", "0.125",
    "1 million", "1.5 billion", "3 apples", "12 hundred", "the total", "a", "", " ", "$", "%", "--", "1.2.3", "1e5", "inf",
    "nan", "-0.00001", "-0.0", "1_000", "99999999999999999999", "1234567.891", "2019", "2019 and 2018", "Net sales, total",
    "an increase of 5%", "(5.2)%", "5.2 %", "5 %", "€12", "£ 12.00", "12 million shares", "million", "東京 12", "１２", "٣",
    "12\u00a0million", "12.345 thousand", "1/2", "50 percent", "0", "-5", "(0)", "10-12", "U.S. dollars", "the U.S.", "A 12",
    "1.10", "1.1", "100000000", "0.01", "0.005", "0.0049", "[3]", "'4'", "6\\", "7;", "7!", "8,", "1,2,3", "+", ".", "-.5",
]


def run(kind, gold, gold_scale, said, scale):
    metric = tatqa_metric.TaTQAEmAndF1()
    answer = gold if kind in ("span", "multi-span") else gold[0]
    try:
        metric({"answer_type": kind, "answer": answer, "scale": gold_scale}, said, scale)
    except Exception as e:  # int() of a count that is none, a scale that is none
        return None
    em, f1 = metric._total_em, metric._total_f1
    return [float(em), float(f1)]


cases = []
for _ in range(2500):
    kind = rng.choice(["span", "multi-span", "arithmetic", "arithmetic"])
    gold = [rng.choice(ODD) for _ in range(rng.randint(1, 3) if kind == "multi-span" else 1)]
    said = list(gold) if rng.random() < 0.5 else [rng.choice(ODD) for _ in range(rng.randint(1, 2))]
    if rng.random() < 0.3:
        said = [s + rng.choice([" ", "%", " million", ".", "0", " the"]) for s in said]
    rng.shuffle(said)
    gs = rng.choice(SCALES)
    s = gs if rng.random() < 0.5 else rng.choice(SCALES)
    score = run(kind, gold, gs, said, s)
    if score is not None:
        cases.append([kind == "arithmetic", gold, gs, said, s, score])
for value in (23.42, 0.2342, 5.0, 134, 0.125, 1.005, 2.675):
    for gs in SCALES:
        for s in SCALES:
            for said in (str(value), str(value) + "%", str(value / 100), str(value * 1000), f"({value})"):
                cases.append([True, [str(value)], gs, [said], s, run("arithmetic", [str(value)], gs, [said], s)])
cases.append([False, ["a"], "", [], "", run("span", ["a"], "", [], "")])
# equal cases once, and of those that score 0 one in three
seen, kept = set(), []
for i, case in enumerate(cases):
    key = json.dumps(case)
    if key not in seen and (case[-1] != [0.0, 0.0] or i % 3 == 0):
        kept.append(case)
    seen.add(key)
print(len(kept), sum(c[-1][0] for c in kept), sum(0 < c[-1][1] < 1 for c in kept), file=sys.stderr)
json.dump(kept, open(sys.argv[1], "w"), ensure_ascii=True, separators=(",", ":"))
