"""Reads an event file of `nudge runs export --format tensorboard` with TensorBoard's own reader.

    python3 -m venv V && V/bin/pip install tensorboard==2.21.0
    V/bin/python tensorboard_reads.py FOLDER [METRICS.jsonl] [--hex FILE]

FOLDER holds one event file. Prints every scalar and the settings; with METRICS.jsonl compares all of them with the run's
own rows, as 32-bit floats; with --hex writes the file's bytes as the golden of RunExportTest.
"""

import json
import struct
import sys
from pathlib import Path

from tensorboard import version
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

TAGS = {
    "loss": "train/loss",
    "lr": "train/lr",
    "grad_norm": "train/grad_norm",
    "tokens_per_s": "tokens_per_s",
    "eval_loss": "eval/loss",
}


def records(file):
    """Counts records; the reader checks both checksums of each."""
    reader, count = PyRecordReader_New(str(file)), 0
    while True:
        try:
            reader.GetNext()
        except Exception as end:  # OutOfRangeError of the stub
            if "checksum" in str(end).lower() or "crc" in str(end).lower():
                raise
            return count
        count += 1


def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def main():
    arguments = sys.argv[1:]
    hexed = None
    if "--hex" in arguments:
        at = arguments.index("--hex")
        hexed = Path(arguments[at + 1])
        del arguments[at : at + 2]
    folder = Path(arguments[0])
    (file,) = folder.glob("events.out.tfevents.*")
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    print("tensorboard", version.VERSION, "records", records(file), accumulator.Tags())
    seen = {}
    for tag in TAGS.values():
        try:
            seen[tag] = [(e.step, e.value) for e in accumulator.Scalars(tag)]
        except KeyError:
            seen[tag] = [
                (e.step, e.tensor_proto.float_val[0]) for e in accumulator.Tensors(tag)
            ] if tag in accumulator.Tags()["tensors"] else []
        print(tag, seen[tag][:3], "…", len(seen[tag]))
    text = [t for t in accumulator.Tags()["tensors"] if t.startswith("settings")]
    print(accumulator.Tensors(text[0])[0].tensor_proto.string_val[0].decode()[:200])
    if len(arguments) > 1:
        rows = [json.loads(line) for line in Path(arguments[1]).read_text().splitlines()]
        for key, tag in TAGS.items():
            want = [(r["step"], single(r[key])) for r in rows if r.get(key) is not None]
            assert seen[tag] == want, tag
            print(tag, "equal:", len(want))
    if hexed:
        hexed.parent.mkdir(parents=True, exist_ok=True)
        hexed.write_text(file.read_bytes().hex() + "\n")


main()
