"""Says how far bitsandbytes' AdamW8bit on a CPU lies from codes that are the exact nearest; writes nothing.

Run with bitsandbytes 0.50.2, torch 2.15.0: python adamw8.py
All take 20 steps with the same gradients: bitsandbytes' AdamW8bit, the same step with each code the exact nearest of
the same maps, that with no second moment above 0 coded as 0 (which is nudge's AdamW8: AdamW8Test compares it with an
argmin), and torch's AdamW in fp32.
"""
import bitsandbytes
import torch
from bitsandbytes.functional import create_dynamic_map, quantize_blockwise

N, STEPS, BLOCK = 1 << 18, 20, 256
RATE, BETA1, BETA2, EPSILON, DECAY = 2e-4, 0.9, 0.999, 1e-8, 0.01
SIGNED, UNSIGNED = create_dynamic_map(signed=True), create_dynamic_map(signed=False)


def exact(x, levels):
    """Codes and largest magnitudes of blocks: each code the nearest level, of two as near the lower."""
    blocks = x.double().view(-1, BLOCK)
    largest = blocks.abs().amax(dim=1, keepdim=True)
    middles = ((levels[1:].double() + levels[:-1].double()) / 2).contiguous()
    codes = torch.bucketize(blocks / largest.clamp_min(torch.finfo(torch.float64).tiny), middles)
    return codes, largest


def decoded(x, levels, floor=False):
    """What the codes of `x` mean; `floor`: nothing above 0 becomes 0."""
    codes, largest = exact(x, levels)
    if floor:
        codes = torch.where(x.view(-1, BLOCK) > 0, codes.clamp_min(1), codes)
    return (levels.double()[codes] * largest).float().view(-1)


def codes(name, x, levels):
    theirs, _ = quantize_blockwise(x, code=levels.clone(), blocksize=BLOCK)
    ours, largest = exact(x, levels)
    differ = theirs.view(-1).long() != ours.view(-1)
    value = x.double().view(-1, BLOCK)
    seen = levels.double()[theirs.view(-1, BLOCK).long()] * largest
    best = levels.double()[ours] * largest
    some = value.abs() > 0
    worst = ((seen - value).abs() / value.abs())[some].max()
    least = ((best - value).abs() / value.abs())[some].max()
    factor = (seen / value)[some].max()
    print(f"{name}: {100 * differ.double().mean():.3f} % of codes differ; the largest relative error of a number"
          f" {worst:.3g} (exact: {least:.3g}); a number comes out up to {factor:.3g} times too large")


def gradients(step, spread):
    """Each parameter has gradients of a size of its own, e^(spread * normal)."""
    size = torch.exp(spread * torch.randn(N, generator=torch.Generator().manual_seed(1000)))
    return torch.randn(N, generator=torch.Generator().manual_seed(step)) * size * 1e-3


class Exact:
    """AdamW whose moments are the nearest levels; `floor`: a second moment above 0 does not become 0."""

    def __init__(self, p, floor):
        self.p, self.floor, self.t = p, floor, 0
        self.m, self.v = torch.zeros(N), torch.zeros(N)

    def step(self, g):
        self.t += 1
        m, v = BETA1 * self.m + (1 - BETA1) * g, BETA2 * self.v + (1 - BETA2) * g * g
        self.p = self.p * (1 - RATE * DECAY)
        self.p -= RATE * (m / (1 - BETA1**self.t)) / ((v / (1 - BETA2**self.t)).sqrt() + EPSILON)
        self.m, self.v = decoded(m, SIGNED), decoded(v, UNSIGNED, self.floor)


def steps(spread):
    start = torch.randn(N, generator=torch.Generator().manual_seed(7)) * 0.02
    peer = torch.nn.Parameter(start.clone())
    full = torch.nn.Parameter(start.clone())
    nearest, floored = Exact(start.clone(), False), Exact(start.clone(), True)
    arguments = dict(lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, weight_decay=DECAY)
    optimizers = [bitsandbytes.optim.AdamW8bit([peer], **arguments), torch.optim.AdamW([full], **arguments)]
    for step in range(1, STEPS + 1):
        g = gradients(step, spread)
        peer.grad, full.grad = g.clone(), g.clone()
        for optimizer in optimizers:
            optimizer.step()
        nearest.step(g)
        floored.step(g)
    moved = (full.detach() - start).double().norm()
    for name, other in (("bitsandbytes", peer.detach()), ("nearest", nearest.p), ("nearest, not 0", floored.p)):
        off = (other - full.detach()).double()
        print(f"spread {spread}, {name}: after {STEPS} steps {100 * off.norm() / moved:.2f} % of the way away from"
              f" fp32, {off.abs().max() / RATE:.2f} steps at most")


def main():
    torch.set_num_threads(1)
    print("bitsandbytes", bitsandbytes.__version__, "torch", torch.__version__, "smallest levels", UNSIGNED[:3])
    for spread in (0, 1, 2):
        g = gradients(0, spread)
        codes(f"spread {spread}, first moments, signed", g, SIGNED)
        codes(f"spread {spread}, second moments, unsigned", g * g, UNSIGNED)
        steps(spread)


main()
