"""Writes statistics-paired.json: tests and intervals of two models on the same cases, by scipy and statsmodels.

Tango's interval is found here from the likelihood itself, by maximising it on a line, not by his formula.
Run with scipy 1.17.1, statsmodels 0.15.0, numpy 2.4.6, scikit-learn 1.9.1: python statistics_paired.py OUT/statistics-paired.json
"""
import json
import sys

import numpy as np
import statsmodels.api as sm
from scipy import optimize, stats
from sklearn.metrics import f1_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.power import NormalIndPower

rng = np.random.default_rng(2)
out = {}
out["normal_quantile"] = [[p, float(stats.norm.ppf(p))] for p in (1e-12, 1e-4, 0.025, 0.2, 0.5, 0.8, 0.95, 0.975, 0.9999)]
out["mcnemar"] = [
    [b, c, float(mcnemar([[7, b], [c, 9]], exact=True).pvalue)]
    for b, c in ((0, 1), (1, 0), (1, 9), (4, 6), (5, 5), (2, 15), (30, 51), (200, 260), (0, 40))
]


def score(b, c, n, d):
    """(c - b - n d) over its standard error at the likeliest cells with p_c - p_b = d."""
    same = n - b - c
    # p_b = q, p_c = q + d, and the rest 1 - 2 q - d
    low, high = max(0.0, -d), (1 - d) / 2
    term = lambda k, p: 0.0 if k == 0 else (k * np.log(p) if p > 0 else -np.inf)
    loss = lambda q: -(term(b, q) + term(c, q + d) + term(same, 1 - 2 * q - d))
    best = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-14}).x
    q = min((low, best, high), key=loss)
    variance = n * (2 * q + d - d * d)
    return (c - b - n * d) / np.sqrt(variance) if variance > 0 else np.sign(c - b - n * d) * np.inf


out["tango"] = []
for b, c, n in ((5, 12, 100), (12, 5, 100), (0, 0, 30), (0, 7, 50), (7, 0, 50), (3, 3, 6), (1, 0, 1), (0, 20, 20), (40, 61, 1000), (1, 2, 500)):
    for confidence in (0.9, 0.95):
        z = stats.norm.ppf(0.5 + confidence / 2)
        seen = (c - b) / n
        f = lambda d, s: score(b, c, n, d) - s * z
        lower = -1.0 if f(-1 + 1e-12, 1) < 0 else optimize.brentq(f, -1 + 1e-12, seen - 1e-9 if seen > -1 else -1 + 2e-12, args=(1,), xtol=1e-13) if seen > -1 + 1e-9 else -1.0
        upper = 1.0 if seen > 1 - 1e-9 else optimize.brentq(f, seen + 1e-9, 1 - 1e-12, args=(-1,), xtol=1e-13)
        out["tango"].append([b, c, n, confidence, lower, upper])

out["clustered"] = []
for clusters, most in ((5, 4), (40, 9), (300, 1)):
    sizes = rng.integers(1, most + 1, clusters)
    of = np.repeat(np.arange(clusters) * 3 + 1, sizes)
    values = rng.normal(0, 1, len(of)) + rng.normal(0, 0.7, clusters)[(of - 1) // 3]
    order = rng.permutation(len(of))
    of, values = of[order], values[order]
    fit = sm.OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": of})
    out["clustered"].append([values.tolist(), of.tolist(), float(fit.params[0]), float(fit.bse[0])])

# percentile intervals; ours draw other resamples, so these are good to some thousandths of their width
MANY = 200_000
values = np.round(rng.exponential(1, 60), 6)
first = rng.uniform(0, 1, 80).round(6)
second = np.clip(first + rng.normal(0.03, 0.2, 80), 0, 1).round(6)


def interval(data, statistic, **kw):
    r = stats.bootstrap(data, statistic, n_resamples=MANY, batch=2000, method="percentile", confidence_level=0.95, rng=np.random.default_rng(1), **kw)
    return [float(r.confidence_interval.low), float(r.confidence_interval.high), float(r.standard_error)]


out["bootstrap_mean"] = [values.tolist(), interval((values,), np.mean)]
out["bootstrap_difference"] = [first.tolist(), second.tolist(), interval((first, second), lambda a, b, axis: np.mean(b - a, axis=axis), paired=True)]
# a ratio of sums, and clusters of three drawn as a whole
x, w = rng.poisson(4, 75).astype(float), rng.integers(3, 9, 75).astype(float)
out["bootstrap_ratio"] = [x.tolist(), w.tolist(), interval((x, w), lambda x, w, axis: x.sum(axis=axis) / w.sum(axis=axis), paired=True, vectorized=True)]
of = np.arange(75) // 3
cx, cw = x.reshape(25, 3).sum(axis=1), w.reshape(25, 3).sum(axis=1)
out["bootstrap_clusters"] = [of.tolist(), interval((cx, cw), lambda x, w, axis: x.sum(axis=axis) / w.sum(axis=axis), paired=True, vectorized=True)]
# no sums of items: macro F1 of three classes
gold = rng.integers(0, 3, 90)
said = np.where(rng.random(90) < 0.4, rng.integers(0, 3, 90), gold)


def macro(g, s, axis=-1):
    scores = []
    for k in range(3):
        hit = ((g == k) & (s == k)).sum(axis=axis)
        scores.append(2 * hit / ((g == k).sum(axis=axis) + (s == k).sum(axis=axis)))
    return np.mean(scores, axis=0)


assert abs(macro(gold, said) - f1_score(gold, said, average="macro")) < 1e-12
out["bootstrap_macro"] = [gold.tolist(), said.tolist(), interval((gold, said), macro, paired=True, vectorized=True)]

z = stats.norm.ppf
cases = lambda d, x, a, p: float((z(1 - a / 2) * np.sqrt(d) + z(p) * np.sqrt(d - x * x)) ** 2 / x**2)
out["cases"] = [[d, x, a, p, cases(d, x, a, p)] for d, x in ((0.2, 0.1), (0.2, 0.05), (0.3, 0.05), (0.1, 0.03), (0.2, 0.03), (0.05, 0.05)) for a, p in ((0.05, 0.8), (0.01, 0.9))]
# statsmodels counts the far tail too, a millionth
out["difference"] = [[n, float(NormalIndPower(ddof=0).solve_power(None, nobs1=n, alpha=0.05, power=0.8, ratio=0))] for n in (20, 100, 1000)]
json.dump(out, open(sys.argv[1], "w"), separators=(",", ":"))
