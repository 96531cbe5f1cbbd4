"""Writes metrics-labels.json: classification by scikit-learn, calibration, Brier and perplexity.

Run with scikit-learn 1.9.1, uncertainty-calibration 0.1.4 (HELM's), lm-eval 0.4.13, numpy 2.4.6 on Python 3.11:
python metrics_labels.py OUT/metrics-labels.json
"""
import json
import re
import sys
import warnings

import calibration
import numpy as np
from sklearn import metrics as sk
from lm_eval.api import metrics as harness

warnings.filterwarnings("ignore")
rng = np.random.default_rng(5)
out = {"classification": [], "calibration": [], "perplexity": []}


def classify(gold, said):
    classes = sorted(set(gold) | set(said))
    out["classification"].append({
        "gold": gold, "predicted": said, "classes": classes,
        "macro": sk.f1_score(gold, said, average="macro"),
        "micro": sk.f1_score(gold, said, average="micro"),
        "weighted": sk.f1_score(gold, said, average="weighted"),
        "each": sk.f1_score(gold, said, labels=classes, average=None).tolist(),
        "mcc": float(sk.matthews_corrcoef(gold, said)),
    })


for k, n in ((2, 30), (3, 50), (5, 200), (77, 300), (4, 3), (2, 1)):
    gold = rng.integers(0, k, n)
    for wrong in (0.0, 0.4, 1.0):
        said = np.where(rng.random(n) < wrong, rng.integers(0, k, n), gold)
        classify(gold.tolist(), said.tolist())
classify([0] * 5, [0] * 5)
classify([0] * 5, [1] * 5)
classify([0, 1, 0], [0, 0, 0])
classify([-100, 2, 1, 2], [2, 2, 1, 0])  # of no choice is none predicted
gold = rng.integers(0, 2, 40)
said = np.where(rng.random(40) < 0.3, 1 - gold, gold)
out["binary"] = {
    "gold": gold.tolist(), "predicted": said.tolist(),
    "f1": float(harness.f1_score(list(zip(gold, said)))), "mcc": float(harness.matthews_corrcoef(list(zip(gold, said)))),
}

for n, k, tied in ((500, 4, False), (60, 2, False), (60, 3, True), (7, 3, False), (1, 2, False), (200, 4, True)):
    p = rng.dirichlet(np.ones(k) * 0.7, n)
    if tied:
        p = np.round(p * 5) / 5  # many equal ones, and ends of bins
        p[:, -1] = 1 - p[:, :-1].sum(axis=1)
        p = np.clip(np.round(p, 10), 0, 1)
    gold = np.array([rng.choice(k, p=row / row.sum()) for row in p])
    top, right = p.max(axis=1), (p.argmax(axis=1) == gold).astype(int)
    case = {"probabilities": p.tolist(), "gold": gold.tolist(), "brier": float(harness.brier_score(list(zip(gold.tolist(), p.tolist()))))}
    for bins in (1, 10, 15):
        case[f"width{bins}"] = float(calibration.get_ece(top, right, num_bins=bins))
    out["calibration"].append(case)

TEXTS = ["", " ", "one", "two words", " lead", "trail ", "a\u00a0b\u2003c\x1cd\x85e\u200bf", "日本語 テキスト", "🙂 👍🏽", "a\n\n b\tc", "naïve"]
for texts in (TEXTS, TEXTS[2:4], TEXTS[6:9]):
    ll = (-rng.random(len(texts)) * 20).tolist()
    words = [len(re.split(r"\s+", t)) for t in texts]
    size = [len(t.encode("utf-8")) for t in texts]
    out["perplexity"].append({
        "texts": texts, "ll": ll,
        "word": harness.weighted_perplexity(list(zip(ll, words))), "byte": harness.weighted_perplexity(list(zip(ll, size))),
        "bits": harness.bits_per_byte(list(zip(ll, size))), "documents": harness.perplexity(ll),
    })
json.dump(out, open(sys.argv[1], "w"), ensure_ascii=True, separators=(",", ":"))
