"""Writes a Parquet file of conversations, and the same rows as JSONL, as DuckDbTest expects them.

Run in duckdb/: python src/test/reference/parquet.py (made with pyarrow 26.0.1).
A list of structs has all fields in every struct, so those that a message has not are null in the file.
"""

import json
import pathlib

import pyarrow
import pyarrow.parquet

VERSION = pyarrow.__version__
OUT = pathlib.Path("src/test/resources/golden")

CALL = [{"type": "function", "function": {"name": "weather", "arguments": '{"city": "Köln"}'}}]
ROWS = [
    {
        "id": 1,
        "messages": [
            {"role": "user", "content": "hi 😀\n\"quoted\""},
            {"role": "assistant", "content": "hello"},
        ],
    },
    {
        "id": 2,
        "messages": [
            {"role": "user", "content": "rain?"},
            {"role": "assistant", "content": None, "tool_calls": CALL},
            {"role": "tool", "content": "no"},
            {"role": "assistant", "content": "It does not rain."},
        ],
    },
    {"id": None, "messages": [{"role": "user", "content": ""}]},
]

call = pyarrow.struct(
    [
        ("type", pyarrow.string()),
        ("function", pyarrow.struct([("name", pyarrow.string()), ("arguments", pyarrow.string())])),
    ]
)
message = pyarrow.struct(
    [("role", pyarrow.string()), ("content", pyarrow.string()), ("tool_calls", pyarrow.list_(call))]
)
schema = pyarrow.schema([("id", pyarrow.int64()), ("messages", pyarrow.list_(message))])
pyarrow.parquet.write_table(
    pyarrow.Table.from_pylist(ROWS, schema=schema), OUT / "messages.parquet", compression="zstd"
)
with open(OUT / "messages.jsonl", "w", encoding="utf-8") as lines:
    for row in ROWS:
        lines.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
print("pyarrow", VERSION)
