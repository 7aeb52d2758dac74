"""Makes a checkpoint to start from out of a shipped network: where its own checkpoint is gone, its ONNX file still has the weights.

    python3 restore.py reader perception/models/reader.onnx --data out/close-ups --out out/shipped-reader.pt

An exported network has its normalisations within its convolutions. Each is taken out again with the mean and spread that its convolution
shows on pictures, so that the checkpoint answers as the file does and trains as a network does. Needs onnx besides what train.py needs.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from pictures import load
from train import TASKS

# Batches that the spreads are taken of.
BATCHES = 16


def weights_by_module(file):
    """Weight and bias of each convolution and matrix, by the path of its module."""
    graph = onnx.load(file).graph
    held = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            # /network/up/mix/mix.0/mix.0.0/Conv: the exporter spells a place in a sequence with all that is above it.
            parts, path = node.name.strip("/").split("/")[1:-1], []
            for part in parts:
                path = path[:-1] + [part] if path and part.startswith(path[-1] + ".") else path + [part]
            found[".".join(path).removeprefix("network.")] = [torch.from_numpy(held[name].copy()) for name in node.input[1:3]]
    return found


def restore(network, found, batches):
    modules = dict(network.named_modules())
    norms = {}
    for path, module in modules.items():
        if not isinstance(module, (nn.Conv2d, nn.Linear)):
            continue
        weight, bias = found[path]
        module.weight.data.copy_(weight)
        if module.bias is not None:
            module.bias.data.copy_(bias)
            continue
        above, last = path.rpartition(".")[::2]
        norm = modules[f"{above}.{int(last) + 1}"]
        norms[path] = (norm, bias)
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0 - norm.eps)
        norm.weight.data.fill_(1.0)
        norm.bias.data.copy_(bias)
    sums = {path: [0, 0.0, 0.0] for path in norms}

    def watch(path):
        def hook(_module, _input, output):
            values = output.detach().double().transpose(0, 1).flatten(1)
            kept = sums[path]
            kept[0] += values.shape[1]
            kept[1] = kept[1] + values.sum(1)
            kept[2] = kept[2] + (values ** 2).sum(1)
        return hook

    hooks = [modules[path].register_forward_hook(watch(path)) for path in norms]
    network.eval()
    with torch.no_grad():
        before = [network(pixels) for pixels in batches]
        for hook in hooks:
            hook.remove()
        for path, (norm, bias) in norms.items():
            count, total, square = sums[path]
            mean = total / count
            # A channel that never speaks keeps a spread that can be divided by.
            var = (square / count - mean ** 2).clamp(min=1e-6)
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(var)
            norm.weight.data.copy_((var + norm.eps).sqrt())
            norm.bias.data.copy_(bias + mean)
        after = [network(pixels) for pixels in batches]
    flat = lambda answers: torch.cat([x.flatten() for a in answers for x in (a if isinstance(a, tuple) else (a,))])
    return float((flat(before) - flat(after)).abs().max())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("file", type=Path, help="the ONNX file")
    parser.add_argument("--data", type=Path, required=True, help="a folder of nightshift dataset")
    parser.add_argument("--limit", type=int, default=200, help="use so many of its pictures")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint, for train.py --start")
    args = parser.parse_args()
    task = TASKS[args.task]
    shown = task["shown"](load(args.data, args.limit))
    batches = [shown.batch(np.random.default_rng([0, index]), task["size"])[0] for index in range(BATCHES)]
    network = task["network"]()
    apart = restore(network, weights_by_module(args.file), batches)
    torch.save({"mean": network.state_dict()}, args.out)
    print(f"{args.out}: its answers are at most {apart:.1e} from the file's")


if __name__ == "__main__":
    main()
