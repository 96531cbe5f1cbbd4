"""Writes eval/src/test/resources/golden/statistics.json: what scipy says of the statistics of experiments.

Run with scipy 1.17.1: python statistics.py OUT
"""
import json
import sys

import numpy as np
from scipy import integrate, special, stats

rng = np.random.default_rng(0)
out = {}
out["log_gamma"] = [[x, float(special.gammaln(x))] for x in (0.01, 0.5, 1, 1.5, 2, 10, 123.25, 1e4, 1e7)]
out["gamma_above"] = [
    [a, x, float(special.gammaincc(a, x))]
    for a, x in ((0.5, 0.1), (0.5, 5.4), (1, 3), (2.5, 0.3), (2.5, 20), (50, 40), (50, 70), (5000, 5100))
]
out["log_beta_below"] = [
    [a, b, x, float(stats.beta.logcdf(x, a, b))]
    for a, b, x in (
        (0.5, 0.5, 0.3), (1, 1, 0.25), (2, 5, 0.01), (2, 5, 0.9), (30, 70, 0.3), (30, 70, 0.2), (300, 700, 0.25),
        (1, 1000, 0.002), (5000, 5000, 0.49), (40000, 60000, 0.401),
    )
]
out["chi_square"] = []
for counts, weights in (
    ([500, 500], [1, 1]), ([520, 480], [1, 1]), ([5100, 4800], [0.5, 0.5]), ([990, 12], [99, 1]),
    ([300, 330, 370], [1, 1, 1]), ([4000, 3000, 2100, 900], [40, 30, 20, 10]),
):
    expected = np.array(weights) / sum(weights) * sum(counts)
    test = stats.chisquare(counts, expected)
    out["chi_square"].append([counts, weights, float(test.statistic), float(test.pvalue)])
# ln of the averaged likelihood over the likelihood, by betaln; one-sided by quadrature over (p, 1)
out["evidence"] = []
for a, b, s, n, p in ((1, 1, 7, 10, 0.5), (6, 6, 60, 90, 0.5), (0.5, 0.5, 3, 200, 0.05), (118.75, 6.25, 950, 1000, 0.9)):
    under = s * np.log(p) + (n - s) * np.log1p(-p)
    both = special.betaln(a + s, b + n - s) - special.betaln(a, b) - under
    part = lambda f: integrate.quad(f, p, 1, epsabs=0, epsrel=1e-11, limit=500)[0]
    above = np.log(
        part(lambda q: np.exp(stats.beta.logpdf(q, a, b) + s * np.log(q) + (n - s) * np.log1p(-q) - under))
        / part(lambda q: stats.beta.pdf(q, a, b))
    )
    out["evidence"].append([a, b, s, n, p, float(both), float(above)])
# P(B > A) and E[max(A - B, 0)] of Beta(1 + s, 1 + n - s) by quadrature
out["posterior"] = []
for sa, na, sb, nb in ((0, 0, 0, 0), (3, 10, 5, 10), (50, 100, 60, 100), (9, 1000, 4, 900), (5000, 10000, 5100, 10000)):
    a, b = stats.beta(1 + sa, 1 + na - sa), stats.beta(1 + sb, 1 + nb - sb)
    points = sorted({0.0, 1.0, *(float(d.ppf(q)) for d in (a, b) for q in (1e-9, 0.01, 0.5, 0.99, 1 - 1e-9))})
    total = lambda f: sum(integrate.quad(f, l, h, epsabs=0, epsrel=1e-11, limit=200)[0] for l, h in zip(points, points[1:]))
    chance = total(lambda x: b.pdf(x) * a.cdf(x))
    loss = total(lambda x: b.cdf(x) * a.sf(x))  # E max(A - B, 0) = integral of P(B < x < A)
    out["posterior"].append([sa, na, sb, nb, float(chance), float(loss)])
# the formula of drconfseq's std_conjmix_margin, and its best_rho by Lambert's W for the place of the narrowest
out["margin"] = [
    [alpha, rho2, n, float(np.sqrt(2 * (n * rho2 + 1) / (n * n * rho2) * np.log(np.sqrt(n * rho2 + 1) / alpha)))]
    for alpha, rho2, n in ((0.05, 0.008, 100), (0.05, 0.008, 1000), (0.05, 0.008, 100000), (0.01, 0.001, 5000))
]
out["best_rho_squared"] = [
    [alpha, n, float((-special.lambertw(-alpha**2 * np.exp(-1), -1).real - 1) / n)]
    for alpha, n in ((0.05, 1000), (0.01, 500), (0.2, 1000))
]
out["holm"] = []
for p in ([0.01, 0.04, 0.03], [0.001, 0.2, 0.013, 0.05, 0.9], [0.5], [0.02, 0.02]):
    p = np.array(p)
    order = np.argsort(p, kind="stable")
    running, adjusted = 0.0, np.zeros(len(p))
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = running
    out["holm"].append([p.tolist(), adjusted.tolist()])
# the delta method by numpy: sums by unit
out["clusters"] = []
for units in (5, 40):
    w = rng.integers(1, 9, units).astype(float)
    x = w * 0.3 + rng.normal(0, 0.5, units)
    r = x.sum() / w.sum()
    error = np.sqrt(units / (units - 1) * ((x - r * w) ** 2).sum()) / w.sum()
    out["clusters"].append([x.tolist(), w.tolist(), float(r), float(error)])
# t, degrees of freedom, P(|T| > t); and the t that a share lies below
out["student"] = [
    [t, f, float(2 * stats.t.sf(t, f))]
    for t, f in ((0, 3), (0.5, 2), (2.5, 2), (2.5, 5.8), (12, 2), (1e-6, 40), (3, 1e6), (4.5, 250.5))
]
out["student_quantile"] = [
    [share, f, float(stats.t.ppf(share, f))]
    for share, f in ((0.975, 2), (0.95, 2), (0.975, 5.8), (0.95, 41.25), (0.5, 3), (0.025, 7), (0.975, 1e7))
]
json.dump(out, open(sys.argv[1], "w"), indent=1)
