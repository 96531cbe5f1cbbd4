"""Holds the trained tokens of conversations against TRL's assistant_only_loss.

    python trl_masks.py NUDGE MODEL ROWS.jsonl [TEMPLATE ...]

NUDGE is the command, MODEL a folder with a tokenizer, ROWS.jsonl rows of `messages`; TEMPLATE names templates that come with
TRL (default: qwen2_5, qwen3) and whose turns end in a token that the tokenizer has. TRL trains by its own version of a
template, with `{% generation %}`. nudge is given that version, and must have the same ids and the same trained tokens; then
the plain one, where it finds what is trained by itself: what TRL's version trains besides is printed (line breaks behind
the header or behind the end of a turn, as its authors put the marks).

Ends with 1 where an id differs, or a mark by TRL's version. Written for trl 1.16, transformers 5.24.
"""

import collections
import json
import pathlib
import shlex
import subprocess
import sys

import trl
from transformers import AutoTokenizer

TEMPLATES = pathlib.Path(trl.__file__).parent / "chat_templates"


def ours(nudge, model, rows, template):
    command = [*shlex.split(nudge), "data", "preview", "--model", model, "--data", rows, "--limit", "1000000", "--json"]
    done = subprocess.run([*command, "--template", str(template)], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if '"index"' in line]


def main():
    nudge, model, rows, *names = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(model)
    messages = [json.loads(line)["messages"] for line in open(rows, encoding="utf-8") if line.strip()]
    wrong = False
    for name in names or ["qwen2_5", "qwen3"]:
        training = TEMPLATES / f"{name}_training.jinja"
        theirs = [
            tokenizer.apply_chat_template(
                m,
                chat_template=training.read_text(),
                tokenize=True,
                return_dict=True,
                return_assistant_tokens_mask=True,
            )
            for m in messages
        ]
        for template in training, TEMPLATES / f"{name}.jinja":
            mine = ours(nudge, model, rows, template)
            ids = sum(a["ids"] == b["input_ids"] for a, b in zip(mine, theirs))
            marks = sum(a["trained"] == b["assistant_masks"] for a, b in zip(mine, theirs))
            print(
                f"{template.name}: {len(mine)} rows, {len(theirs)} by TRL, {ids} with the same ids, {marks} with the same"
                f" trained tokens; trained {sum(sum(a['trained']) for a in mine):,}"
                f" here, {sum(sum(b['assistant_masks']) for b in theirs):,} by TRL"
            )
            other = collections.Counter()
            for a, b in zip(mine, theirs):
                for token, here, there in zip(b["input_ids"], a["trained"], b["assistant_masks"]):
                    if here != there:
                        other["here" if here else "by TRL", tokenizer.decode([token])] += 1
            for (where, token), count in other.most_common(5):
                print(f"  {token!r} is trained {where} alone, {count:,} times")
            wrong |= len(mine) != len(theirs) or ids != len(theirs) or template == training and marks != len(theirs)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
