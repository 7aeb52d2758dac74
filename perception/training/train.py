"""Trains the networks of perception/models on pictures of `nightshift dataset`, and writes them as ONNX with their cards.

    perception/training/make                       # everything from nothing: pictures, both networks, cards
    python3 train.py detector --data out/glass --out out/models --steps 3000
    python3 train.py reader --data out/close out/glass --out out/models --steps 3000

The same seed and steps give the same weights on the same machine and number of threads; an interrupted run goes on from
its last checkpoint, of a minute ago or of Ctrl-C. Needs PyTorch (a GPU is used where there is one), numpy and Pillow. PyPI's PyTorch uses the
processor's matrix unit; Debian's python3-torch works too, and is slower (docs/benchmarks.md).
"""

import argparse
import hashlib
import inspect
import json
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from classes import CROP_HEIGHT, CROP_WIDTH, LEVELS, PARTS, PHASES, STRIDE, TYPES, UNIT_PX
from networks import Detector, Reader
from held import detector_scores, reader_scores
from pictures import load
from crops import Crops
from squares import Squares

# Steps in which the rate rises, and the share of all in which it falls, and in which only what a robot could see is shown.
RISES, FALLS = 500, 0.3
# The mean over weights takes in every so many steps' weights.
FOLLOWS = 4
# How much steeper than told each height's share is taken, for the level.
SHARPER = 4.0


def detector_loss(out, batch):
    _, heat, asked, boxes, types, weight, masks = batch
    logit, box, kind, parts = out.split([1, 4, len(TYPES), len(PARTS)], 1)
    logit = logit[:, 0]
    # Zhou et al., Objects as Points, 2019, equation 1, with peaks by halves.
    p = torch.sigmoid(logit)
    found = -(heat > 0.99).float() * (1 - p) ** 2 * F.logsigmoid(logit)
    spared = -(heat <= 0.99).float() * asked * (1 - heat) ** 4 * p ** 2 * F.logsigmoid(-logit)
    focal = (found + spared).sum() / (heat > 0.99).sum().clamp(min=1)
    at = weight > 0
    # The share of overlap, as Yu et al., UnitBox, 2016, from the four ways to the edges.
    l, t, r, b = box.clamp(-5, 4).exp().unbind(1)
    tl, tt, tr, tb = boxes.unbind(1)
    inter = (torch.minimum(l, tl) + torch.minimum(r, tr)).clamp(min=0) * (torch.minimum(t, tt) + torch.minimum(b, tb)).clamp(min=0)
    union = (l + r) * (t + b) + (tl + tr) * (tt + tb) - inter
    fit = -(((inter + 1e-3) / (union + 1e-3)).log())[at]
    fit = fit.mean() if fit.numel() else fit.sum()
    kinds = F.cross_entropy(kind, types, ignore_index=-1) if at.any() else kind.sum() * 0
    cover = F.binary_cross_entropy_with_logits(parts, masks)
    loss = focal + 2.0 * fit + 0.3 * kinds + 2.0 * cover
    return loss, {"middle": focal, "box": fit, "type": kinds, "mask": cover}


def reader_loss(out, batch):
    _, phases, fill, types, masks = batch
    told, levels, kind, parts = out
    phase = F.binary_cross_entropy_with_logits(told, phases, reduction="none").sum(1).mean()
    # Of each step between floor and brim the share that is filled. What holds nothing has no level: asked for one of 0 there, the reader would
    # tell too low a level wherever it is not sure that something is in it.
    filled = (fill > 0).float()
    steps = (fill[:, None] * LEVELS - torch.arange(LEVELS, device=fill.device)).clamp(0.0, 1.0)
    height = (F.binary_cross_entropy_with_logits(levels, steps, reduction="none").mean(1) * filled).sum() / filled.sum().clamp(min=1)
    kinds = F.cross_entropy(kind, types)
    cover = F.binary_cross_entropy_with_logits(parts, masks)
    loss = phase + 4.0 * height + 0.3 * kinds + 2.0 * cover
    return loss, {"phase": phase, "level": height, "type": kinds, "mask": cover}


class ToldDetector(nn.Module):
    """The detector with its answers as shares and pixels."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        middle, box, kind, parts = self.network(image).split([1, 4, len(TYPES), len(PARTS)], 1)
        return torch.cat([middle.sigmoid(), box.clamp(-5, 4).exp() * UNIT_PX, kind.softmax(1), parts.sigmoid()], 1)


class ToldReader(nn.Module):
    """The reader with its answers as shares."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, crops):
        phases, levels, kinds, parts = self.network(crops)
        # Nearer to the median of what it deems possible than to the mean: an error counts by its size.
        fill = (SHARPER * levels).sigmoid().mean(1, keepdim=True)
        return phases.sigmoid(), fill, kinds.softmax(1), parts.sigmoid()


TASKS = {
    "detector": dict(network=Detector, told=ToldDetector, shown=Squares, scores=detector_scores, loss=detector_loss, size=8, rate=2e-3,
                     input="image", outputs=["maps"], example=(1, 3, 192, 256),
                     axes={"image": {2: "height", 3: "width"}, "maps": {2: "rows", 3: "columns"}}),
    "reader": dict(network=Reader, told=ToldReader, shown=Crops, scores=reader_scores, loss=reader_loss, size=32, rate=2e-3,
                   input="crops", outputs=["phases", "fill", "types", "masks"], example=(1, 3, CROP_HEIGHT, CROP_WIDTH),
                   axes={name: {0: "vessels"} for name in ("crops", "phases", "fill", "types", "masks")}),
}


def follow(mean, network, step):
    """Running mean of the weights: what is shipped."""
    keep = min(0.998, (1 + step) / (10 + step)) ** FOLLOWS
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                mean[name].mul_(keep).add_(value, alpha=1 - keep)
            else:
                mean[name].copy_(value)


def multiplies_bfloat16():
    """Whether the processor has instructions for it: without them it is slower than single precision."""
    file = Path("/proc/cpuinfo")
    return file.is_file() and "amx_bf16" in file.read_text()


def begin_as(network, weights):
    """Takes over another run's weights. Where this network is wider it answers the same at first: what it had sees nothing of what is new, and
    blocks that are new add nothing (as Chen et al., Net2Net, 2016, for blocks)."""
    own = network.state_dict()
    with torch.no_grad():
        for name, value in own.items():
            old = weights.get(name)
            if old is None:
                if name.endswith("second.1.weight"):
                    value.zero_()
            elif value.dim() < 2:
                value[tuple(slice(size) for size in old.shape)] = old
            else:
                value[:old.shape[0]] = 0.0
                for mine, its in same_inputs(name, own, weights):
                    value[:old.shape[0], mine] = old[:, its]


def same_inputs(name, own, weights):
    """The inputs of a layer, and which of another, narrower network's they are."""
    if name not in ("flat.0.weight", "levels.0.weight"):
        size = weights[name].shape[1]
        return [(slice(size), slice(size))]
    layers = ("encoder.stem.1.0.weight", "encoder.deep.0.0.weight", "up.lower.weight")
    kinds = [Reader.what(*(state[layer].shape[0] for layer in layers)) for state in (own, weights)]
    # What else there is is as much in both.
    kinds = [[*sizes, state[name].shape[1] - sum(sizes)] for sizes, state in zip(kinds, (own, weights))]
    starts = [np.cumsum([0, *sizes]) for sizes in kinds]
    return [(slice(mine, mine + size), slice(its, its + size)) for mine, its, size in zip(*starts, kinds[1])]


def falls_from(steps):
    return int((1 - FALLS) * steps)


def share_of_rate(step, steps):
    """Of the highest rate: it rises, stays, and falls to nothing. While it stays, a run can still be made longer or shorter."""
    return min((step + 1) / RISES, 1.0, (steps - step) / (steps - falls_from(steps)))


def train(args, task):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    # Colours of a pixel side by side: two thirds of the time on processors.
    network = task["network"]().to(device, memory_format=torch.channels_last)
    mean = {name: value.clone() for name, value in network.state_dict().items()}
    # All weights by one call: 3 ms instead of 14. PyTorch has that on processors from 2.4 on.
    fused = {"fused": True} if tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 4) else {}
    for name, weight in network.named_parameters():
        weight.requires_grad_(not args.only or name.split(".")[0] in args.only)
    optimiser = torch.optim.AdamW([weight for weight in network.parameters() if weight.requires_grad], lr=task["rate"], weight_decay=0.02, **fused)
    kept = args.out / f"{args.task}.pt"
    began = 0
    if kept.is_file():
        state = torch.load(kept, map_location=device)
        if state["args"] != vars_of(args):
            sys.exit(f"{kept} is of another run ({state['args']}): delete it, or give another --out")
        network.load_state_dict(state["network"])
        mean = state["mean"]
        optimiser.load_state_dict(state["optimiser"])
        began = state["step"]
        if args.steps != state["steps"] and began > falls_from(min(args.steps, state["steps"])):
            sys.exit(f"{kept} is at step {began} of {state['steps']}, and its rate falls already: give --steps {state['steps']}")
        print(f"goes on from step {began}", file=sys.stderr)
    elif args.start:
        begin_as(network, torch.load(args.start, map_location=device)["mean"])
        mean = {name: value.clone() for name, value in network.state_dict().items()}
    pictures, held = [], []
    for folder in args.data:
        shown = load(folder, args.limit)
        last = len(shown) - len(shown) // args.held
        pictures += shown[:last]
        held += shown[last:]
    vessels = sum(len(picture.vessels) for picture in pictures)
    print(f"{args.task}: {len(pictures)} pictures, {vessels} vessels, on {device}; {len(held)} held out", file=sys.stderr)
    shown = task["shown"](pictures)
    del pictures
    # What stays keeps its norms, too.
    network.train(not args.only)
    sums, seen, clock, saved = {}, 0, time.time(), time.time()
    asked = []
    signal.signal(signal.SIGINT, lambda *_: asked.append("to stop"))
    for step in range(began, args.steps):
        # Each step has its own draws, also of what dropout leaves out, so that a run that goes on is the run that was interrupted.
        torch.manual_seed(args.seed << 32 | step)
        batch = [x.to(device) for x in shown.batch(np.random.default_rng([args.seed, step]), task["size"], step >= falls_from(args.steps))]
        with torch.autocast(device, torch.bfloat16, enabled=device == "cpu" and multiplies_bfloat16()):
            out = network(batch[0].to(memory_format=torch.channels_last))
        out = tuple(part.float() for part in out) if isinstance(out, tuple) else out.float()
        loss, parts = task["loss"](out, batch)
        for group in optimiser.param_groups:
            group["lr"] = task["rate"] * share_of_rate(step, args.steps)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        if (step + 1) % FOLLOWS == 0:
            follow(mean, network, step)
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        seen += 1
        if (step + 1) % args.tell == 0 or step + 1 == args.steps:
            told = "  ".join(f"{name} {value / seen:.3f}" for name, value in sums.items())
            rate = seen / (time.time() - clock)
            print(f"step {step + 1}/{args.steps}  {told}  {rate:.2f} steps/s, {(args.steps - step) / rate / 60:.0f} min left",
                  file=sys.stderr, flush=True)
            sums, seen, clock = {}, 0, time.time()
        if time.time() - saved > 60 or step + 1 == args.steps or asked:
            state = dict(args=vars_of(args), network=network.state_dict(), mean=mean, optimiser=optimiser.state_dict(),
                         steps=args.steps, step=step + 1)
            torch.save(state, kept.with_suffix(".part"))
            kept.with_suffix(".part").rename(kept)
            saved = time.time()
        if asked and step + 1 < args.steps:
            print(f"interrupted after step {step + 1}; the same command goes on from here", file=sys.stderr)
            sys.exit(130)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    network.load_state_dict(mean)
    network = network.cpu().eval()
    return network, *task["scores"](task["told"](network).eval(), task["shown"](held))


def vars_of(args):
    kept = {name: str(value) for name, value in vars(args).items() if name in ("task", "data", "seed", "limit", "start", "held")}
    return kept | ({"only": args.only} if args.only else {})


def write(args, task, network, thresholds, scores):
    file = args.out / f"{args.task}.onnx"
    told = task["told"](network).eval()
    warnings.filterwarnings("ignore", category=UserWarning)
    # Newer PyTorch has another exporter, which wants more packages.
    classic = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(told, torch.zeros(task["example"]), str(file), opset_version=13, input_names=[task["input"]],
                      output_names=task["outputs"], dynamic_axes=task["axes"], **classic)
    sets, count, last = [], 0, 0
    for folder in args.data:
        recipe = json.loads((folder / "recipe.json").read_text())
        number = args.limit or len(json.loads((folder / "annotations.json").read_text())["images"])
        count, last = count + number, last + number // args.held
        words = f'nightshift dataset --count {number} --seed {recipe["seed"]} --size {recipe["width"]}x{recipe["height"]}'
        sets.append(words + (" --close-ups" if recipe.get("close_ups") else ""))
    lines = [
        f'# The card of {args.task}.onnx, which perception/training made. More scores are in docs/benchmarks.md.',
        f'name = "{args.task}"',
        f'sha256 = "{hashlib.sha256(file.read_bytes()).hexdigest()}"',
        f'bytes = {file.stat().st_size}',
        f'parameters = {sum(p.numel() for p in network.parameters())}',
        f'input = "{task["input"]}: RGB in 0..1, [N, 3, rows, columns]'
        + ('; rows and columns divide by 16"' if args.task == "detector" else f'; {CROP_HEIGHT} x {CROP_WIDTH}"'),
        f'types = {json.dumps(TYPES)}',
        f'phases = {json.dumps(PHASES)}',
        f'parts = {json.dumps(PARTS)}',
        f'stride_px = {STRIDE}',
        "",
        "[thresholds]",
        *(f"{name} = {value}" for name, value in thresholds.items()),
        "",
        "[recipe]",
        f'pictures = {json.dumps(sets)} # rendered; no photograph',
        f'count = {count}',
        f'held_out = {last}',
        f'seed = {args.seed}',
        f'steps = {args.steps}',
        *([f'start = "the weights of {args.start.name} of {args.start_recipe}"'] if args.start else []),
        *([f'only = {json.dumps(args.only)}'] if args.only else []),
        f'batch = {task["size"]}',
        f'torch = "{torch.__version__}"',
        "",
        "# On the last pictures of each set, which were not trained on; the thresholds were chosen there.",
        "[scores]",
        *(f'{name} = {value}' for name, value in scores.items()),
    ]
    (args.out / f"{args.task}.toml").write_text("\n".join(lines) + "\n")
    print(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of nightshift dataset")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, ONNX file and card")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, help="use so many pictures of each folder")
    parser.add_argument("--held", type=int, default=16, help="one in so many pictures, the last of each folder, is to choose thresholds and score on")
    parser.add_argument("--start", type=Path, help="begin with the weights of this checkpoint, another run's")
    parser.add_argument("--start-recipe", default="another run", help="how --start was made, in words, for the card")
    parser.add_argument("--only", nargs="+", help="train these parts of the network alone, by their names; all else stays as --start has it")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tell", type=int, default=50, help="steps between two lines")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    task = TASKS[args.task]
    write(args, task, *train(args, task))


if __name__ == "__main__":
    main()
