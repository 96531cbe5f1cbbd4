#!/bin/sh
# Sends runs to a real server of MLflow and asks it for them: a recorded run.
#
#     python3 -m venv V && V/bin/pip install mlflow==3.17.2
#     mlflow_takes.sh V NUDGE RUN…          NUDGE: the launcher; RUN…: folders of runs
set -eu
venv=$1 nudge=$2
shift 2
work=$(mktemp -d)
port=${PORT:-5731}
"$venv/bin/mlflow" server --backend-store-uri "sqlite:///$work/mlflow.db" --default-artifact-root "$work/artifacts" \
  --host 127.0.0.1 --port "$port" --workers 1 >"$work/server.log" 2>&1 &
server=$!
trap 'kill $server; rm -rf "$work"' EXIT
until "$venv/bin/python" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/health')" 2>/dev/null; do sleep 1; done
"$nudge" runs export "$@" --format mlflow --url "http://127.0.0.1:$port" --experiment check --json
"$venv/bin/python" - "http://127.0.0.1:$port" "$@" <<'PYTHON'
import json, sys
from pathlib import Path
import mlflow

client = mlflow.MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name("check")
runs = {r.data.tags["nudge.id"]: r for r in client.search_runs([experiment.experiment_id])}
print("mlflow", mlflow.__version__, "runs", len(runs))
for folder in map(Path, sys.argv[2:]):
    own = json.loads((folder / "run.json").read_text())
    run = runs[own["id"]]
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for key, name in [("loss", "train/loss"), ("lr", "train/lr"), ("grad_norm", "train/grad_norm"),
                      ("tokens_per_s", "tokens_per_s"), ("eval_loss", "eval/loss")]:
        want = [(r["step"], r[key]) for r in rows if r.get(key) is not None]
        have = sorted((m.step, m.value) for m in client.get_metric_history(run.info.run_id, name))
        assert have == want, (name, have[:3], want[:3])
        print(folder, name, "equal:", len(want))
    settings = {k: v for k, v in own["settings"].items() if v is not None}
    assert run.data.params.keys() == settings.keys()
    assert run.data.params["rank"] == str(settings["rank"])
    print(folder, run.info.run_name, run.info.status, "parameters:", len(settings))
PYTHON
