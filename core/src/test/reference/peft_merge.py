"""Makes the weights that PEFT's `merge_and_unload` leaves on the tiny Llamas, each kept in the type it is stored in.

usage: peft_merge.py OUT      reads OUT/llama (llama_logits.py) and OUT/peft (peft_adapter.py), writes OUT/merge/NAME.safetensors

Only the merged weights are written; what an adapter does not sit on is the base's. `two` has two adapters merged one after the
other into a model in fp32, where PEFT rounds after each as it does not matter.
"""

import os
import sys

from peft import PeftModel
from safetensors.torch import save_file
from transformers import LlamaForCausalLM

from common import read_json

# one of each stored type, rsLoRA, patterns, biases, shards
CASES = ["all-linear", "rslora", "patterns-rslora", "regex", "bf16-stored", "f16-stored"]


def merged(out, name, base, adapters):
    model = LlamaForCausalLM.from_pretrained(f"{out}/llama/{base}/model", dtype="auto")
    before = {k: v.clone() for k, v in model.state_dict().items()}
    for adapter in adapters:
        model = PeftModel.from_pretrained(model, f"{out}/peft/{adapter}/adapter").merge_and_unload()
    after = {k: v.contiguous() for k, v in model.state_dict().items() if not v.equal(before[k])}
    save_file(after, f"{out}/merge/{name}.safetensors", metadata={"format": "pt"})
    print(name, len(after), "weights")


def main(out):
    os.makedirs(f"{out}/merge", exist_ok=True)
    for name in CASES:
        merged(out, name, read_json(f"{out}/peft/{name}/inputs.json")["model"], [name])
    merged(out, "two", "grouped-tied", ["all-linear", "patterns-rslora"])


if __name__ == "__main__":
    main(sys.argv[1])
