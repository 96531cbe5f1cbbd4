"""Writes learning rates step by step, from the formulas of nudge's interface, and checks them against transformers.

usage: schedules.py OUT      writes OUT/schedules.json
"""

import math
import sys

import torch
from transformers import get_scheduler

from common import write_json

NAMES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine", "wsd": "warmup_stable_decay"}


def factor(schedule, i, steps, warmup, decay):
    if i < warmup:
        return i / warmup
    if schedule == "constant":
        return 1.0
    if schedule == "wsd":
        return (steps - i) / decay if i >= steps - decay else 1.0
    x = (i - warmup) / (steps - warmup)
    return 1 - x if schedule == "linear" else (1 + math.cos(math.pi * x)) / 2


def case(schedule, steps, warmup, rate):
    # As transformers: whole numbers are steps, below 1 a share. The product is taken in double: 0.07 of 100 steps is 8.
    w = math.ceil(steps * warmup) if warmup < 1 else int(warmup)
    decay = (steps + 9) // 10  # the last tenth, rounded up
    rates = [rate * factor(schedule, i, steps, w, decay) for i in range(steps)]

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    extra = {"num_decay_steps": decay, "decay_type": "linear", "min_lr_ratio": 0} if schedule == "wsd" else None
    scheduler = get_scheduler(NAMES[schedule], optimizer, num_warmup_steps=w, num_training_steps=steps, scheduler_specific_kwargs=extra)
    for i, r in enumerate(rates):
        theirs = optimizer.param_groups[0]["lr"]
        assert abs(theirs - r) <= 1e-15 * rate, (schedule, steps, warmup, i, theirs, r)
        optimizer.step()
        scheduler.step()
    return {"schedule": schedule, "steps": steps, "warmup": warmup, "warmup_steps": w, "learning_rate": rate, "rates": rates}


def main(out):
    cases = []
    for schedule in NAMES:
        for steps, warmup, rate in ((1, 0, 1e-3), (1, 0.03, 1e-3), (7, 0, 2e-4), (20, 0.03, 2e-4), (25, 5, 1e-3), (33, 0.1, 3e-4),
                                    (30, 0.1, 1.0), (100, 0.07, 1.0), (10, 10, 1e-3), (12, 11, 1e-3)):
            cases.append(case(schedule, steps, warmup, rate))
    write_json(f"{out}/schedules.json", {"cases": cases})
    print(f"{len(cases)} schedules equal transformers'")


if __name__ == "__main__":
    main(sys.argv[1])
