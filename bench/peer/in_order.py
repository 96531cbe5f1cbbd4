"""Runs the peer's sft.py unchanged, but with its rows in the order of the file, as ours reads them.

usage: in_order.py SFT.py ARGUMENTS OF SFT.py…
"""

import os
import runpy
import sys
import warnings

warnings.filterwarnings("ignore")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import transformers
from torch.utils.data import SequentialSampler


def in_order(self, train_dataset=None):
    return SequentialSampler(self.train_dataset if train_dataset is None else train_dataset)


transformers.Trainer._get_train_sampler = in_order
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
