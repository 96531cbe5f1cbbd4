"""Ids, offsets and decoded text of odd text, and of rows in which users wrote what looks like special tokens.

usage: tokenizer_parity.py OUT                 trains OUT/tokenizers/*.json and writes OUT/tokenizers/cases.json
       tokenizer_parity.py --outside FOLDER    writes FOLDER/NAME/cases.json beside each FOLDER/NAME/tokenizer.json

In a row the specials of what a template wrote become tokens, those of what a user wrote never do. The real rule is the
library's `encode_special_tokens`, which spares all specials of a text: so those of the template are put in as tokens that
are not special, with the same flags, and their ids are mapped back.
"""

import glob
import json
import os
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from common import sentence, write_json

TEXTS = [
    "", " ", "   ", "a", "pump valve", " under the bar ", "\n", "\r\n\tx", "\r", "a\rb", "\r\r\n\n", "a\n\n\n b", "\t\t x", "a\u0000b\u0007\u001b[0m", "\u0085x\u200b",
    "naïve café", "nai\u0308ve cafe\u0301", "\u0301", "e\u0301\u0323\u0302 stacked", "漢字 and 漢", "каша Ё ё", "🙂", "a🙂b", "👩‍🔧 repairs", "👨‍👩‍👧‍👦!", "🇩🇪🇨🇭", "👍🏽",
    "𝔘𝔫𝔦", "\u1112\u1161\u11ab 한", "שלום עולם", "مرحبا بالعالم", "नमस्ते", "\ufeffbom", "a\u00a0b\u2028c\u3000d", "x" * 40, "          ten", "42 3.14 -7 0x1F 1000000 ١٢٣ ²",
    "don't we'll I'M 'S", "tab\tand\\back \"quotes\"", "\ufffd", "ﬁ ½ Å Ⅷ ＡＢ", "ß SS ẞ İ ı", "<s", "</s", "<|im_", "[INST", "<0x41>", "<0xE2><0x82>", "▁▁ a▁b", "Ġa", "\u200d\ufe0f",
    "def f(x):\n    return x  # a\n", "{\"a\": [1, 2]}", "a" + "\u0301" * 9, "\U0010ffff\ue000", "ǅ ŉ ſ", "mixЖ漢a🙂9",
]
ALPHABET = ["a", "b", "the", "valve", " ", "  ", "\n", "\r", "\t", "é", "e\u0301", "漢", "字", "🙂", "👩‍🔧", "\u200d", "ж", "9", "42", ".", ",", "'s", "\u00a0", "▁", "<", ">", "|", "\u0000", "\u3000", "ﬁ", "한", "ʼn", "\ufe0f", "]", "["]
WORDS = "the valve reads seven bar and the pump rises\n".split(" ")


def texts(rng, extra):
    made = ["".join(rng.choice(ALPHABET + extra) for _ in range(rng.randint(1, 14))) for _ in range(60)]
    return TEXTS + extra[:40] + made


def flat(offsets):
    return [n for pair in offsets for n in pair]


def rows(rng, specials, others, count):
    """Lists of (whose, text): t is the template's, u a user's."""
    made = []
    def pick(of):
        return rng.choice(of) if of else ""
    for a in specials[:6]:
        b = specials[-1]
        cut = max(1, len(a) // 2)
        made += [
            [["t", a], ["u", a], ["t", b]], [["u", a], ["t", a]], [["t", a], ["u", "x"], ["t", a]], [["u", "ab " + a + " cd"]], [["t", a + a], ["u", a + a], ["t", "\n"]],
            [["t", a + "user\n"], ["u", a[:cut] + a + a[cut:]], ["t", b + "\n"]], [["t", a], ["u", a[:cut]], ["t", a[cut:] + b]], [["t", a + "x" + a[:cut]], ["u", a[cut:]], ["t", b]],
            [["u", a[:cut]], ["u", a[cut:]], ["t", a]], [["t", a], ["u", "🙂" + a + "🙂漢"], ["t", b + "é"]], [["t", a], ["u", " " + a + "  "], ["t", " " + b + " "]], [["u", a + b], ["u", b + a]],
            [["t", "🙂" + a], ["u", "\n" + a + "\n"], ["t", b]], [["u", "word" + a + "word"], ["t", "word" + a + "word " + a + " word"]], [["t", a], ["u", ""], ["t", b]],
        ]
    for _ in range(count):
        row = []
        for _ in range(rng.randint(1, 5)):
            parts = [pick([pick(specials), pick(specials), pick(others), rng.choice(ALPHABET), rng.choice(WORDS)]) for _ in range(rng.randint(1, 6))]
            row.append([rng.choice("tu"), "".join(parts)])
        made.append(row)
    return made


def around(k, content):
    """What stands for a template's special while the library spares all others: its ends are letters where the token's are."""
    def end(c):
        return "ქ" if c.isalnum() else "⠿"
    return f"{end(content[0])}{k:04d}{end(content[-1])}"


class Spared:
    """The tokenizer with a token that is not special beside each special one."""

    def __init__(self, text):
        self.plain = Tokenizer.from_str(text)
        self.plain.no_padding(), self.plain.no_truncation()
        self.tokenizer = Tokenizer.from_str(text)
        self.tokenizer.no_padding(), self.tokenizer.no_truncation()
        self.added = {t["content"]: t for t in json.loads(text)["added_tokens"]}
        self.specials = [c for c, t in self.added.items() if t["special"]]
        for k, content in enumerate(self.specials):
            t = self.added[content]
            self.tokenizer.add_tokens([AddedToken(around(k, content), single_word=t["single_word"], lstrip=t["lstrip"], rstrip=t["rstrip"], normalized=t["normalized"])])
        self.ids = {self.tokenizer.token_to_id(around(k, c)): self.plain.token_to_id(c) for k, c in enumerate(self.specials)}
        self.names = {self.plain.token_to_id(c): c for c in self.specials}
        self.tokenizer.encode_special_tokens = True

    def found(self, text):
        """Where the library finds specials in a text: (start, end, content)."""
        e = self.plain.encode(text, add_special_tokens=False)
        out = []
        for i, (start, end) in zip(e.ids, e.offsets):
            token = self.names.get(i)  # e.tokens has the blanks that a token took with it
            if token and token in text[start:end]:
                at = start + text[start:end].index(token)
                out.append((at, at + len(token), token))
        return out

    def encode(self, row):
        """Ids and offsets; a special of the template that the library does not take as one there stays text."""
        joined, segments, kinds = [], [], []
        for whose, text in row:  # neighbours of the same kind are one text
            if joined and joined[-1][0] == whose:
                joined[-1][1] += text
            else:
                joined.append([whose, text])
        for whose, text in joined:
            at = 0
            for start, end, token in self.found(text) if whose == "t" else []:
                segments += [(text[at:start], None), (text[start:end], token)]
                kinds += "tt"
                at = end
            segments.append((text[at:], None))
            kinds.append(whose)
        while True:
            text, where, source = "", [], 0
            for piece, token in segments:
                put = piece if token is None else around(self.specials.index(token), token)
                where.append((len(text), len(text) + len(put), source, source + len(piece)))
                text, source = text + put, source + len(piece)
            e = self.tokenizer.encode(text, add_special_tokens=False)
            lost = [
                k for k, (piece, token) in enumerate(segments)
                if token is not None and not any(s <= where[k][0] and where[k][1] <= t and self.ids.get(i) == self.plain.token_to_id(token) for i, (s, t) in zip(e.ids, e.offsets))
            ]
            if not lost:
                break
            segments = [(piece, None if k in lost else token) for k, (piece, token) in enumerate(segments)]

        def back(p):
            for start, end, s, t in where:
                if start <= p < end:
                    return s + p - start if end - start == t - s else s if p == start else t
            return where[-1][3]

        users = [w for w, (_, token), whose in zip(where, segments, kinds) if whose == "u"]
        becomes = any(i in self.names and self.names[i] in text[s:t] and any(s < end and t > start for start, end, _, _ in users) for i, (s, t) in zip(e.ids, e.offsets))
        return {**({"becomes": True} if becomes else {}), "row": row, "ids": [self.ids.get(i, i) for i in e.ids], "offsets": flat([back(s), back(t)] for s, t in e.offsets)}


def decoded(tokenizer, ids):
    bare, whole = (tokenizer.decode(ids, skip_special_tokens=skip) for skip in (True, False))
    return {"decoded": bare} if bare == whole else {"decoded": bare, "whole": whole}


def cases(text, seed, count, decodes=True):
    """decodes: whether decoding is compared."""
    spared = Spared(text)
    tokenizer = spared.plain
    rng = random.Random(seed)
    contents = list(spared.added)
    specials = spared.specials if len(spared.specials) <= 40 else spared.specials[:20] + spared.specials[-20:]
    others = [c for c in contents if c not in spared.specials][:40]
    encode = []
    for t in texts(rng, specials[:12] + others[:12]):
        e, bare = tokenizer.encode(t), tokenizer.encode(t, add_special_tokens=False)
        case = {"text": t, "ids": e.ids, "offsets": flat(e.offsets), "bare": bare.ids}
        encode.append({**case, **decoded(tokenizer, e.ids)} if decodes else case)
    decode = []
    for _ in range(count // 4 if decodes else 0):
        ids = [rng.randrange(tokenizer.get_vocab_size()) for _ in range(rng.randint(1, 12))]
        decode.append({"ids": ids, **decoded(tokenizer, ids)})
    alone = []  # a user's text, nothing else
    special_ids = {tokenizer.token_to_id(c) for c in spared.specials}
    spared_alone = Tokenizer.from_str(text)
    spared_alone.no_padding(), spared_alone.no_truncation()
    spared_alone.encode_special_tokens = True
    for t in specials + others + ["a" + s + "b" for s in specials[:10]]:
        e = spared_alone.encode(t, add_special_tokens=False)
        # where the model's own vocabulary gives the special token, text becomes one in Python too
        alone.append({"text": t, "ids": e.ids, "offsets": flat(e.offsets), "becomes": bool(set(e.ids) & special_ids)})
    return {"encode": encode, "decode": decode, "alone": alone, "rows": [spared.encode(r) for r in rows(rng, specials, others, count)]}


LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def corpus():
    rng = random.Random(7)
    return [sentence(rng, 5, 30) + rng.choice(["\n", "", "\n\n", "  ", "!"]) for _ in range(300)]


def special(content, **flags):
    return AddedToken(content, special=True, normalized=flags.pop("normalized", False), **flags)


def bpe(specials, **options):
    return trainers.BpeTrainer(vocab_size=380, special_tokens=specials, show_progress=False, **options)


def begins(bos, tokenizer):
    return processors.TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, tokenizer.token_to_id(bos))])


def byte_level():
    """As Llama 3, with tokens of every flag."""
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(corpus(), bpe([], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    t.add_special_tokens([special("<|begin|>"), special("<|end|>", rstrip=True), special("<|im_start|>"), special("<|im_end|>", lstrip=True), special("<mask>", lstrip=True, rstrip=True),
                          special("<one>", single_word=True), special("<|im_start|>tool")])
    t.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("valves", normalized=True), AddedToken("<w>", single_word=True, normalized=False), AddedToken("<l>", lstrip=True),
                  AddedToken("<r>", rstrip=True), "  "])
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), begins("<|begin|>", t)])
    return t


def sentence_piece():
    """As Llama 2: the normaliser writes the first block."""
    specials = [special("<unk>"), special("<s>"), special("</s>")]
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.train_from_iterator(corpus(), bpe([*specials, *(f"<0x{b:02X}>" for b in range(256))], limit_alphabet=50, max_token_length=6))
    text = json.loads(t.to_str())
    text["added_tokens"] = [a for a in text["added_tokens"] if a["id"] < 3]  # bytes are pieces, no added tokens
    t = Tokenizer.from_str(json.dumps(text))
    t.add_special_tokens([special("[INST]"), special("[/INST]"), special("<|user|>", rstrip=True)])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.post_processor = begins("<s>", t)
    return t


def unigram():
    """As T5 and XLM-R: pieces with scores, specials among them."""
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    t.decoder = decoders.Metaspace(prepend_scheme="always")
    specials = ["<pad>", "</s>", "<unk>", "<s>"]
    t.train_from_iterator(corpus(), trainers.UnigramTrainer(vocab_size=260, special_tokens=specials, unk_token="<unk>", show_progress=False))
    t.add_special_tokens([special("<extra_id_0>", lstrip=True), special("<|end|>")])
    t.add_tokens([AddedToken("<sep>", normalized=False)])
    t.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", t.token_to_id("</s>"))])
    return t


# Its specials are normalised: tokenizers 0.23.3 decodes them as its normaliser writes them, and shows them also with
# skip_special_tokens; 0.21, which DJL brings, does neither.
OLD = "sentence-piece-old"


def variants():
    """Kind -> (base, what of its tokenizer.json is replaced)."""
    def pre(scheme, split):
        return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}
    metaspace = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, pre("first", False)]}
    old = [dict(a, normalized=True) for a in json.loads(sentence_piece().to_str())["added_tokens"]]
    return {
        "byte-level": ("byte-level", {}),
        "byte-level-nfc": ("byte-level", {"normalizer": {"type": "NFC"}, "post_processor": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}}),
        "byte-level-gpt2": ("byte-level", {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True},
                                                             {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}]}, "post_processor": None}),
        "sentence-piece": ("sentence-piece", {}),
        OLD: ("sentence-piece", {"added_tokens": old}),
        "sentence-piece-gemma": ("sentence-piece", {"normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
                                                    "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
                                                    "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]}}),
        "metaspace-first": ("sentence-piece", {"normalizer": None, "pre_tokenizer": pre("first", False), "decoder": metaspace}),
        "metaspace-always": ("sentence-piece", {"normalizer": None, "pre_tokenizer": pre("always", True), "decoder": metaspace}),
        "metaspace-never": ("sentence-piece", {"normalizer": None, "pre_tokenizer": pre("never", True), "decoder": metaspace}),
        "unigram": ("unigram", {}),
        "unigram-first": ("unigram", {"normalizer": None, "pre_tokenizer": pre("first", True)}),
    }


def main(out):
    bases = {"byte-level": byte_level(), "sentence-piece": sentence_piece(), "unigram": unigram()}
    for name, tokenizer in bases.items():
        write_json(f"{out}/tokenizers/{name}.json", json.loads(tokenizer.to_str()))
    for seed, (name, (base, replaced)) in enumerate(variants().items()):
        text = json.dumps({**json.loads(bases[base].to_str()), **replaced})
        write_json(f"{out}/tokenizers/{name}.cases.json", {"base": base, "with": replaced, **cases(text, seed, 40, name != OLD)})


def outside(folder):
    for seed, file in enumerate(sorted(glob.glob(f"{folder}/*/tokenizer.json"))):
        with open(file, encoding="utf-8") as f:
            made = cases(f.read(), seed, 400)
        write_json(os.path.join(os.path.dirname(file), "cases.json"), made)
        print(file, {k: len(v) for k, v in made.items() }, "becomes special in Python:", [c["text"] for c in made["alone"] if c["becomes"]])


if __name__ == "__main__":
    outside(sys.argv[2]) if sys.argv[1] == "--outside" else main(sys.argv[1])
