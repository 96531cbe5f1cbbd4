"""Encodes, decodes and marks trained tokens with the tiny tokenizers, and with a model's own where one is given.

usage: tokenizer_cases.py OUT [SMOLLM2]      writes OUT/tokenizer/cases.json, OUT/smollm2/tokenizer_cases.json
"""

import sys

from tokenizers import Tokenizer

from common import read_json, row_tokens, write_json

TEXTS = [
    "", " ", "  ", "a", "pump valve", " under the bar ", "unde", "under", "\n", "\r\n\tx", "a\u0000b", "naïve café", "nai\u0308ve cafe\u0301",
    "\u0301", "e\u0301\u0323 stacked", "漢字 and 漢", "каша", "🙂", "a🙂b", "👩‍🔧 repairs", "🇩🇪🇨🇭", "👍🏽", "𝔘𝔫𝔦", "\u1112\u1161\u11ab 한", "שלום עולם", "\ufeffbom",
    "a\u00a0b\u2028c", "x" * 40, "          ten spaces", "42 3.14 -7 0x1F 1000000", "don't we'll I'M", "tab\tand\\backslash \"quotes\"", "<s", "</s", "<|im_end",
    "\ufffd", "ﬁ ligature ½ ² Å", "ß SS ẞ İ ı",
]
SPECIAL = {
    "tiny": ["<s>", "</s>", "<pad>", "a</s>b", "<s>pump</s>", " </s> ", "</s></s>", "🙂<pad>🙂", "<S>"],
    "smollm2": ["<|im_end|>", "<|endoftext|>", "<|im_start|>user\nHow tall is a pump?<|im_end|>\n<|im_start|>assistant\n", "a<|im_end|>b", " <|im_end|> ", "<|IM_END|>",
                "🙂<|im_end|>🙂"],
}
ROWS = [
    ("pump", " valve"), ("pump ", "valve"), ("pump", "valve"), ("", "valve"), ("", "a"), ("a", "b"), ("unde", "r the bar"), ("the unde", "r"), ("pres", "sure rises"),
    ("filter:", " "), ("filter: ", " "), ("Query: low pressure\nIntent:", " restart"), ("naïve", " café"), ("cafe", "\u0301 señor"), ("🙂🙂", "🙂"), ("a👩", "\u200d🔧b"),
    ("👩‍🔧 ", "漢字"), ("\U0001d518", "\U0001d52b"), ("a\n", "\n b"), ("x", "y" * 30), ("42", "42"), ("3.1", "4"), ("don", "'t"),
]
SPECIAL_ROWS = {
    "tiny": [("pump</s>", " valve"), ("pump", " valve</s>"), ("pump", "</s>"), ("<s>pump", " valve"), ("pump", " </s> valve"), ("pump", "</s></s>"), ("", "</s>"), ("pu</", "s>mp")],
    "smollm2": [("<|im_start|>user\nWhat is a valve?<|im_end|>\n<|im_start|>assistant\n", "A part that opens and closes.<|im_end|>"),
                ("<|im_start|>user\nWhat is a valve?<|im_end|>\n<|im_start|>assistant\n", "A part that opens and closes."), ("pump", "<|im_end|>"), ("", "<|im_end|>"),
                ("pump<|im_", "end|> valve"), ("<|endoftext|>", "pump")],
}


def cases(tokenizer, eos_id, kind):
    tokenizer.no_padding()
    tokenizer.no_truncation()
    encode = []
    for text in TEXTS + SPECIAL[kind]:
        e = tokenizer.encode(text)
        encode.append({"text": text, "ids": e.ids, "offsets": [list(o) for o in e.offsets], "decoded": tokenizer.decode(e.ids, skip_special_tokens=True),
                       "decoded_with_specials": tokenizer.decode(e.ids, skip_special_tokens=False)})
    stream = []  # what a stream of tokens decodes to, one token more at a time: half characters are U+FFFD
    for text in ("naïve 漢字 🙂 👩‍🔧", "a🙂", "e\u0301 каша"):
        ids = tokenizer.encode(text).ids
        stream.append({"ids": ids, "decoded": [tokenizer.decode(ids[:k], skip_special_tokens=True) for k in range(len(ids) + 1)]})
    rows = []
    for prompt, completion in ROWS + SPECIAL_ROWS[kind]:
        row = row_tokens(tokenizer, prompt, completion, eos_id)
        offsets = [o for o in row["offsets"] if o]
        straddles = any(start < len(prompt) < end for start, end in offsets)
        rows.append({"prompt": prompt, "completion": completion, "ids": row["ids"], "first_trained": row["first_trained"],
                     "end_added": row["offsets"][-1] is None, "straddles": straddles})
    assert sum(r["straddles"] for r in rows) >= 2, "no token straddles a boundary"
    return {"eos_id": eos_id, "encode": encode, "stream": stream, "rows": rows}


def main(out, model=None):
    tiny = {n: cases(Tokenizer.from_file(f"{out}/tokenizer/{n}/tokenizer.json"), 1, "tiny") for n in ("plain", "bos", "bos-eos")}
    write_json(f"{out}/tokenizer/cases.json", tiny)
    if model:
        tokenizer = Tokenizer.from_file(f"{model}/tokenizer.json")
        eos = read_json(f"{model}/tokenizer_config.json")["eos_token"]
        write_json(f"{out}/smollm2/tokenizer_cases.json", cases(tokenizer, tokenizer.token_to_id(eos), "smollm2"))


if __name__ == "__main__":
    main(*sys.argv[1:])
