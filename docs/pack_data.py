"""Makes the documents of a domain's task from its owner's public repository: OUT/SET/train.jsonl and OUT/SET/test.jsonl.

usage: pack_data.py SET CLONE OUT        with Python 3.9 or newer and nothing else

CLONE is a clone of the repository of the set (below), or a folder with the files of it that are read. Nothing is
downloaded. Each row has the columns that the task files of the packs name, and some more of its source. A set whose
owner splits it keeps that; of the others a row is in train where hash(group) < 80, so that rows of one group are on one
side. Equal rows come once, and no input is on both sides (but for case and blanks): the test row stays where the owner
split the set, else the training row.

    SET                       repository                        licence as stated there            split
    legal-legalbench          HazyResearch/legalbench           by task; CC BY 4.0 and MIT taken   by text or contract
    legal-legalsummarization  lauramanor/legal_summarization    Apache-2.0; ToS;DR: CC BY-SA       by company
    finance-banking77         PolyAI-LDN/task-specific-datasets CC BY 4.0                          the owner's
    finance-tatqa             NExTplusplus/TAT-QA               CC BY 4.0                          by table, of its dev set
    medical-pubmedqa          pubmedqa/pubmedqa                 MIT                                the owner's
    medical-mtsdialog         abachaa/MTS-Dialog                CC BY 4.0                          the owner's
    support-clinc150          clinc/oos-eval                    CC BY 3.0                          the owner's
    support-tldr              tldr-pages/tldr                   CC BY 4.0                          by page
"""

import csv
import hashlib
import json
import os
import pathlib
import re
import sys


def load(path):
    return json.loads(path.read_text(encoding="utf-8-sig"))


def table(path, delimiter=","):
    csv.field_size_limit(1 << 24)
    with open(path, encoding="utf-8-sig", newline="") as f:
        return list(csv.DictReader(f, delimiter=delimiter))


def lines(text):
    """A text without blanks at the ends of its lines."""
    return "\n".join(line.strip() for line in text.strip().replace("\r", "").split("\n"))


def side(group):
    return "train" if int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % 100 < 80 else "test"


def plain(text):
    return " ".join(text.lower().split())


# Each maker gives (train or test, input, row).


def banking77(clone):
    for part in "train", "test":
        for i, r in enumerate(table(clone / "banking_data" / f"{part}.csv")):
            text = re.sub(r"\s*\n\s*", " ", r["text"]).strip()
            yield part, text, {"id": f"banking77-{part}-{i + 1:05}", "text": text, "label": r["category"]}


def tatqa(clone):
    for context in load(clone / "dataset_raw" / "tatqa_dataset_dev.json"):
        rows = [[" ".join(str(c).split()).replace("|", "\\|") for c in r] for r in context["table"]["table"]]
        drawn = ["| " + " | ".join(r) + " |" for r in rows[:1] + [["---"] * len(rows[0])] + rows[1:]]
        paragraphs = sorted(context["paragraphs"], key=lambda p: p["order"])
        group = context["table"]["uid"]
        for q in context["questions"]:
            given = q["answer"] if isinstance(q["answer"], list) else [q["answer"]]
            answers = [str(a).strip() for a in given if str(a).strip()]
            row = {
                "id": "tatqa-" + q["uid"],
                "context_id": group,
                "table": "\n".join(drawn),
                "paragraphs": "\n\n".join(" ".join(p["text"].split()) for p in paragraphs),
                "question": q["question"].strip(),
                "answer": "; ".join(answers),
                "answers": answers,
                "answer_type": q["answer_type"],
                "scale": q["scale"] or "none",
                "answer_from": q["answer_from"],
                "derivation": q["derivation"].strip() or None,
            }
            if answers:
                yield side(group), group + row["question"], row


def pubmedqa(clone):
    asked = load(clone / "data" / "test_ground_truth.json")
    for pmid, r in load(clone / "data" / "ori_pqal.json").items():
        sections = zip(r["LABELS"], r["CONTEXTS"])
        row = {
            "id": "pubmedqa-" + pmid,
            "pmid": pmid,
            "question": r["QUESTION"].strip(),
            "context": "\n\n".join(f"{label}: {text}" if label else text for label, text in sections),
            "answer": r["final_decision"],
            "long_answer": r["LONG_ANSWER"].strip(),
        }
        yield "test" if pmid in asked else "train", row["question"], row


def mtsdialog(clone):
    files = {"train": "TrainingSet", "validation": "ValidationSet",
             "test1": "TestSet-1-MEDIQA-Chat-2023", "test2": "TestSet-2-MEDIQA-Sum-2023"}
    for split, file in files.items():
        for r in table(clone / "Main-Dataset" / f"MTS-Dialog-{file}.csv"):
            row = {
                "id": f"mtsdialog-{split}-{r['ID']}",
                "source_split": split,
                "dialogue": re.sub(r"\n+", "\n", lines(r["dialogue"])),
                "section_header": r["section_header"].strip(),
                "section_text": lines(r["section_text"]),
            }
            yield "test" if split.startswith("test") else "train", row["dialogue"], row


def clinc150(clone):
    domains = load(clone / "data" / "domains.json")
    domain = {label: name for name, labels in domains.items() for label in labels}
    for split, rows in load(clone / "data" / "data_full.json").items():
        source = split.replace("oos_", "")
        for i, (text, label) in enumerate(rows):
            row = {
                "id": f"clinc150-{split.replace('_', '-')}-{i + 1:05}",
                "source_split": source,
                "text": text.strip(),
                "label": label,
                "domain": domain.get(label, "oos"),
            }
            yield "test" if source == "test" else "train", row["text"], row


def legalsummarization(clone):
    for r in load(clone / "tosdr_annotated_v1.json").values():
        row = {
            "id": "legalsummarization-" + r["uid"],
            "origin": "tosdr",
            "document": r["doc"],
            "original_text": r["original_text"].strip(),
            "reference_summary": r["reference_summary"].strip(),
        }
        if row["original_text"] and row["reference_summary"]:
            company = " ".join(sorted(re.findall(r"'([^']+)'", r["urls"])))
            yield side(company), row["original_text"], row


def prompt_of(base):
    """The instruction and the question's template, without the worked examples between them."""
    blocks = re.split(r"\n\s*\n", base.strip())
    at = next(i for i, block in enumerate(blocks) if "{{" in block)
    begins = re.match(r"\s*[^\s:{]*:?", blocks[at]).group().strip()
    kept = [b for b in blocks[:at] if not (begins and b.strip().startswith(begins))]
    return "\n\n".join(kept + blocks[at:]).strip()


def together(rows):
    """Rows with the contract or text by which they are split: one for all that share a text of more than 80 letters."""
    group, of = {}, []
    for contract, row in rows:
        texts = [plain(v) for v in row["fields"].values() if len(v) > 80]
        own = plain(contract or max(row["fields"].values(), key=len))
        near = {group[t] for t in [*texts, own] if t in group}
        name = min(near) if near else own
        group.update((t, name) for t, old in group.items() if old in near)
        group.update((t, name) for t in [*texts, own])
        of.append((own, row))
    return [(group[own], row) for own, row in of]


def legalbench(clone):
    for group, row in together(legalbench_rows(clone)):
        yield side(group), row["prompt"], row


def legalbench_rows(clone):
    for folder in sorted(p for p in (clone / "tasks").iterdir() if (p / "train.tsv").exists()):
        about = next(p for p in folder.iterdir() if p.name.lower() == "readme.md").read_text(encoding="utf-8")
        stated = re.search(r"\*\*License\*\*:(.*)", about)
        cc = stated and re.search(r"CC[ -]BY[ -]4\.0", stated.group(1), re.I)
        if not cc and not (stated and re.search(r"\bMIT\b", stated.group(1))):
            continue
        base = prompt_of((folder / "base_prompt.txt").read_text(encoding="utf-8"))
        names = re.findall(r"\{\{(\w+)\}\}", base)
        for r in table(folder / "train.tsv", "\t"):
            fields = {k: re.sub(r"\n{3,}", "\n\n", lines(r[k])) for k in r if k in names and r[k] and r[k].strip()}
            if not r.get("answer") or len(fields) < len(set(names)):
                continue
            row = {
                "id": f"legalbench-{folder.name}-{r['index']}",
                "task": folder.name,
                "license": "CC-BY-4.0" if cc else "MIT",
                "fields": fields,
                "base_prompt": base,
                "prompt": re.sub(r"\{\{(\w+)\}\}", lambda m: fields[m.group(1)], base),
                "answer": r["answer"].strip(),
            }
            yield r.get("document_name"), row


def command(template):
    """A command as a client shows it by default: long options, no braces."""
    text = re.sub(r"\{\{\[(?:-[^\]]*|[^|\]]*)\|([^|\]]*)\]\}\}", r"\1", template)
    text = re.sub(r"\{\{(.*?)\}\}(?!\})", r"\1", text)
    return text.replace("\\{\\{", "{{").replace("\\}\\}", "}}")


def tldr(clone):
    for platform in "common", "linux":
        for file in sorted((clone / "pages" / platform).glob("*.md")):
            text = file.read_text(encoding="utf-8")
            if re.search(r"^> This command is an alias of", text, re.M):
                continue
            for i, (description, template) in enumerate(re.findall(r"^- (.+?):?\n\n`(.+)`$", text, re.M)):
                row = {
                    "id": f"tldr-{platform}-{file.stem}-{i + 1}",
                    "page": file.stem,
                    "platform": platform,
                    "description": description.strip(),
                    "command": command(template),
                    "command_template": template,
                }
                if not template.startswith("tldr ") or file.stem == "tldr":  # else it points to another page
                    yield side(file.stem), row["description"], row


# What makes a set, and on which side an input stays that is on both.
SETS = {
    "legal-legalbench": (legalbench, "train"),
    "legal-legalsummarization": (legalsummarization, "train"),
    "finance-banking77": (banking77, "test"),
    "finance-tatqa": (tatqa, "train"),
    "medical-pubmedqa": (pubmedqa, "test"),
    "medical-mtsdialog": (mtsdialog, "test"),
    "support-clinc150": (clinc150, "test"),
    "support-tldr": (tldr, "train"),
}


def split(made, stays):
    parts = {"train": {}, "test": {}}
    for part, text, row in made:
        same = json.dumps({k: v for k, v in row.items() if k != "id"}, sort_keys=True)
        parts[part].setdefault(same, (plain(text), row))
    goes = "test" if stays == "train" else "train"
    taken = {text for text, _ in parts[stays].values()}
    parts[goes] = {same: kept for same, kept in parts[goes].items() if kept[0] not in taken}
    return {part: [row for _, row in rows.values()] for part, rows in parts.items()}


def main(name, clone, out):
    if name not in SETS:
        sys.exit(f"{name} is no set; there are {', '.join(SETS)}")
    try:
        maker, stays = SETS[name]
        parts = split(maker(pathlib.Path(clone)), stays)
    except FileNotFoundError as e:
        sys.exit(f"{e.filename} is not there; CLONE is {clone}, and it must be a clone of the repository of {name}")
    if not all(parts.values()):
        sys.exit(f"{clone} has too few rows of {name}: {len(parts['train'])} train, {len(parts['test'])} test")
    for part, rows in parts.items():
        file = pathlib.Path(out, name, part + ".jsonl")
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file.with_suffix(".tmp"), "w", encoding="utf-8", newline="\n") as f:
            f.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        os.replace(file.with_suffix(".tmp"), file)
        print(f"{file}: {len(rows)} rows")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
