"""Writes metrics.json: what the tools that own the metrics say of odd and of generated texts.

Run with anls 0.0.2, sacrebleu 2.6.0, rouge_score 0.1.2 (nltk 3.10.4), evaluate 0.4.6, lm-eval 0.4.13, scikit-learn 1.9.1,
numpy 2.4.6 on Python 3.11: python metrics.py OUT/metrics.json EVALUATE/metrics/squad
"""
import json
import random
import sys

import numpy as np
import sacrebleu
from anls import anls_score
from nltk.stem.porter import PorterStemmer
from nltk.translate.gleu_score import corpus_gleu
from rouge_score import rouge_scorer
from lm_eval.api import metrics as harness

rng = random.Random(7)
WORDS = (
    "the a an cat sat on mat quick brown fox jumps over lazy dog running flies skies relational national hopping "
    "happily agreed plastered generalizations oscillators controlling Apple U.S. 3.14 1,000 10-fold don't “quoted” "
    "naïve Straße ΣΊΣΥΦΟΣ 東京 タワー 안녕 🙂 👍🏽 (hi) end. end! what? e-mail C++ &amp; &lt;b&gt; <skipped> -- ... ½ ² "
    "yes no maybe"
).split()
ODD = [
    "", " ", "\t\n", "the", "The THE the.", "a", "An apple a day", "  leading and   repeated\t\tblanks \n",
    "naïve café", "nai\u0308ve the\u0301 cafe\u0301", "İstanbul ISTANBUL ıi", "ΟΔΥΣΣΕΥΣ ς σ", "ﬁne ﬂour Ǆ ß ẞ",
    "東京タワーへ行きました。", "我爱北京天安门, 2024年!", "안녕하세요 세계", "🙂👍🏽👨‍👩‍👧 emoji 🙂", "١٢٣ 123 १२३ ⅷ ½ ²",
    "3.14 1,000,000 -5 5- 10-12 .5 5.", "U.S.A. e.g. Dr. Who's", "a\u00a0b\u2003c\u200bd\u3000e\x1cf\x85g", "end-\nof-line",
    "&quot;q&quot; &amp;amp; &lt;tag&gt;", "<skipped> text", "tab\tsep", "...!?", "!!!", "\"'`", "`code` *bold* _it_",
    "x" * 40, "one", "one two", "one two three", "line one\nline two\n\nline three", "The cat. The hat.\nThe bat.",
    "nul\0", "nul\0mid\0\0",
]


def text(most=14):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(0, most)))


def near(t):
    words = t.split(" ")
    for _ in range(rng.randint(0, 4)):
        kind = rng.randint(0, 3)
        at = rng.randrange(len(words) + 1)
        if kind == 0:
            words.insert(at, rng.choice(WORDS))
        elif kind == 1 and words:
            words.pop(min(at, len(words) - 1))
        elif kind == 2 and words:
            words[min(at, len(words) - 1)] = rng.choice(WORDS)
        else:
            to = rng.randint(at, len(words))
            words = words[to:] + words[at:to] + words[:at] if rng.random() < 0.3 else words[:at] + words[to:] + words[at:to]
    return " ".join(words)


pairs = [(a, b) for a in ODD for b in (a, rng.choice(ODD))] + [(lambda t: (near(t), t))(text()) for _ in range(60)]
out = {"texts": pairs}

# exact match: options x pairs
options = [
    dict(ignore_case=c, ignore_punctuation=p, ignore_numbers=n, regexes_to_ignore=r)
    for c in (False, True) for p in (False, True) for n in (False, True)
    for r in (None, [r"\bthe\b", r"\s+$"], ["(?i)[a-m]", ","], [r"\.$", r"\$"])
]
more = [("Yes.", "yes"), ("1,000", "1000"), ("abc", "ABC!"), ("12 apples", "apples"), (" x", "x"), ("the end", " end")]
out["exact_match"] = {
    "options": options,
    "pairs": more,
    "scores": [
        [int(harness.exact_match_hf_evaluate([p], [r], **o)["exact_match"]) for p, r in pairs + more] for o in options
    ],
}

# SQuAD: evaluate's own script
sys.path.insert(0, sys.argv[2])  # folder with compute_score.py of evaluate's metrics/squad
import compute_score as squad

several = [(p, [r, rng.choice(ODD), text(5)]) for p, r in pairs]
out["references"] = [r for _, r in several]
out["squad"] = [
    float(squad.metric_max_over_ground_truths(squad.f1_score, p, r)) for p, r in several
]

# ANLS, also of answers with a few letters changed and of one reference
misread = [r[:1] + r[2:] if len(r) > 3 else r.upper() + " " for _, r in pairs]
out["anls"] = [
    {"references": golds, "scores": [anls_score(p, g) for (p, _), g in zip(pairs, golds)]}
    for golds in (out["references"], [[r] for _, r in pairs], [[p[:1] + p[2:], r] for (p, _), r in zip(pairs, misread)])
]

# google_bleu: NLTK's score of the words of evaluate's own tokenizer
sys.path.insert(0, sys.argv[2] + "/../google_bleu")
from tokenizer_13a import Tokenizer13a

words = Tokenizer13a()
out["google_bleu"] = [
    {"references": golds, "scores": [corpus_gleu([[words(r) for r in g]], [words(p)]) for (p, _), g in zip(pairs, golds)]}
    for golds in (out["references"], [[r] for _, r in pairs])
]

# ROUGE
KINDS = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
lines = [(near(t).replace(" the", "\n"), t.replace(" a", "\n")) for t in (text(40) for _ in range(25))]
out["lines"] = lines
out["rouge"] = {}
for stem in (False, True):
    scorer = rouge_scorer.RougeScorer(KINDS, use_stemmer=stem)
    out["rouge"][str(stem).lower()] = [
        [[s[k].precision, s[k].recall, s[k].fmeasure] for k in KINDS]
        for s in (scorer.score(r, p) for p, r in pairs + lines)
    ]
scorer = rouge_scorer.RougeScorer(KINDS, use_stemmer=True)
out["rouge_best"] = [[s[k].fmeasure for k in KINDS] for s in (scorer.score_multi(r, p) for p, r in several)]

# Porter: made words of stems and suffixes
STEMS = "relat condition valen hesit digit conform radic differ vil analog vietnam predic oper feud decis hope call form sky cr tr adjust ti agre plaster motor bl fil fall hiss fizz siz skie di ly inn prob rat ceas control roll yyb yb".split()
ENDS = " s es ies ied eed ed ing ational tional enci anci izer bli abli alli entli eli ousli ization ation ator alism iveness fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence er ic able ible ant ement ment ent ion sion tion ou ism ate iti ous ive ize e y ll sses ss ying".split(" ")
words = sorted({s + e for s in STEMS for e in ENDS} | set("sky skies dying lying tying news innings inning outings outing cannings canning howe proceed exceed succeed flies dies mules denied died agreed owned humbled sized meeting stating itemization sensational traditional reference colonizer plotted enjoy say happy by yes as is".split()))
words = [w for w in words if len(w) > 3]
rng.shuffle(words)
words = words[:1200]
stemmer = PorterStemmer()
out["porter"] = [[w, stemmer.stem(w)] for w in words]

# corpora: the odd texts, the generated, one sentence, several references, long ones with moves
def long(n):
    return " ".join(rng.choice(WORDS[:30]) for _ in range(n))


corpora = [
    [(p, [r]) for p, r in pairs], [(p, [r]) for p, r in pairs[-60:]], several,
    [(p, [x for x in r if x] or ["x"]) for p, r in several[-20:]],
]
corpora += [[(p, [r])] for p, r in pairs[::3]] + [[s] for s in several[::4]]
longs = []
for n, m in ((60, 60), (80, 75), (30, 120), (120, 30), (3, 90), (90, 3), (150, 150), (1, 60), (60, 1), (10, 10)):
    a = long(n)
    w = a.split(" ")
    b = long(m) if m != n else " ".join(w[n // 2:] + w[: n // 2])
    longs.append((a, [b]))
    longs.append((near(near(b)), [b, a]))
corpora += [longs] + [[l] for l in longs]
out["corpora"] = []
for corpus in corpora:
    preds = [p for p, _ in corpus]
    most = max(len(r) for _, r in corpus)
    streams = [[r[i] if i < len(r) else None for _, r in corpus] for i in range(most)]
    out["corpora"].append({
        "predictions": preds,
        "references": [r for _, r in corpus],
        "bleu": sacrebleu.corpus_bleu(preds, streams).score,
        "chrf": sacrebleu.corpus_chrf(preds, streams).score,
        "chrf1": sacrebleu.corpus_chrf(preds, streams, word_order=1).score,
        "chrf2": sacrebleu.corpus_chrf(preds, streams, word_order=2).score,
        "ter": sacrebleu.corpus_ter(preds, streams).score,
    })
json.dump(out, open(sys.argv[1], "w"), ensure_ascii=True, separators=(",", ":"))
