"""Makes a detector of eight-bit numbers out of one that was trained: half the processor's time for the same answers.

    python3 quantise.py OUT/detector.onnx --data OUT/pictures

The file and its card are replaced. Ranges are measured on rendered pictures, and first and last layer are left as they are. Needs onnxruntime
and onnx (PyPI) besides numpy and Pillow.
"""

import argparse
import hashlib
import re
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

# Pictures that ranges are measured on, at the two sizes that the robot shows.
PICTURES, SIZES = 40, ((640, 480), (320, 240))


class Shown(CalibrationDataReader):
    def __init__(self, folder):
        self.files = iter(enumerate(sorted((folder / "pictures").glob("*.png"))[:PICTURES]))

    def get_next(self):
        index, file = next(self.files, (0, None))
        if file is None:
            return None
        picture = Image.open(file).convert("RGB").resize(SIZES[index % len(SIZES)])
        return {"image": (np.asarray(picture, np.float32) / 255).transpose(2, 0, 1)[None]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="detector.onnx, with its card beside it")
    parser.add_argument("--data", type=Path, required=True, help="the pictures that it was trained on")
    args = parser.parse_args()
    recipe = (args.data / "recipe.json").read_text()
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder) / "plain.onnx", Path(folder) / "small.onnx"
        quant_pre_process(str(args.file), str(plain), skip_symbolic_shape=True)
        layers = [node.name for node in onnx.load(plain).graph.node if node.op_type == "Conv"]
        quantize_static(
            str(plain), str(small), Shown(args.data), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Add", "Relu"],
            nodes_to_exclude=[layers[0], layers[-1]])
        made = small.read_bytes()
    args.file.write_bytes(made)
    card = args.file.with_suffix(".toml")
    text = re.sub(r'(?m)^sha256 = .*$', f'sha256 = "{hashlib.sha256(made).hexdigest()}"', card.read_text())
    text = re.sub(r"(?m)^bytes = .*$", f"bytes = {len(made)}", text)
    quantised = f"eight bits, ranges of the first {PICTURES} pictures of {recipe.strip()}"
    text = re.sub(r"(?m)^\[recipe\]$", f"[recipe]\nquantised = '{quantised}'", text)
    card.write_text(text)
    print(args.file)


if __name__ == "__main__":
    main()
