"""Writes judge-agreement.json: Cohen's kappa of labels a, b and tie by scikit-learn, with and without ties, and the
percentile interval of kappa by resamples of numpy; the sign test by scipy's binomial test.

Run with scikit-learn 1.9.1, numpy 2.4.6, scipy 1.17.1: python judge_agreement.py OUT/judge-agreement.json
"""
import json
import sys
import warnings

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix

warnings.filterwarnings("ignore")
LABELS = ["a", "b", "tie"]
MANY = 20_000
rng = np.random.default_rng(13)


def number(x):
    return None if np.isnan(x) else float(x)


def kappa(people, judge):
    return cohen_kappa_score(people, judge, labels=LABELS) if len(people) else float("nan")


def interval(people, judge):
    """Ours draw other resamples, so this is good to some hundredths of its width."""
    n = len(people)
    x = np.array([LABELS.index(p) * 3 + LABELS.index(j) for p, j in zip(people, judge)])
    tables = np.array([np.bincount(x[rng.integers(0, n, n)], minlength=9).reshape(3, 3) for _ in range(MANY)]) / n
    chance = (tables.sum(2) * tables.sum(1)).sum(1)
    values = (np.trace(tables, axis1=1, axis2=2) - chance) / (1 - chance)
    return [float(v) for v in np.quantile(values, [0.025, 0.975])]


out = {"kappa": [], "sign": []}
for n, wrong, ties, wide in ((40, 0.2, 0.2, True), (200, 0.4, 0.1, True), (150, 0.0, 0.3, True), (100, 1.0, 0.0, True), (60, 0.3, 0.6, True), (3, 0.5, 0.3, False), (1, 0.0, 0.0, False)):
    people = list(rng.choice(LABELS, n, p=[0.7 * (1 - ties), 0.3 * (1 - ties), ties]))
    judge = [str(rng.choice(LABELS)) if rng.random() < wrong else str(p) for p in people]
    people = [str(p) for p in people]
    plain = [(p, j) for p, j in zip(people, judge) if "tie" not in (p, j)]
    p2, j2 = [p for p, _ in plain], [j for _, j in plain]
    out["kappa"].append({
        "people": people, "judge": judge,
        "agreement": accuracy_score(people, judge), "kappa": number(kappa(people, judge)),
        "interval": interval(people, judge) if wide else None,
        "decided": len(plain), "decided_kappa": number(kappa(p2, j2)),
        "table": confusion_matrix(people, judge, labels=LABELS).tolist(),
    })
for wins, losses in ((0, 1), (7, 3), (10, 10), (30, 12), (0, 25), (140, 101)):
    out["sign"].append([wins, losses, float(binomtest(wins, wins + losses).pvalue)])
with open(sys.argv[1], "w") as f:
    json.dump(out, f)
    f.write("\n")
