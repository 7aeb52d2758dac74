"""What zxing-cpp and pupil-apriltags come to on the pictures that `nightshift bench perception` measures, as one JSON object.

    python3 perception.py codes|tags DATA/perception

Needs zxing-cpp or pupil-apriltags, numpy and Pillow, from PyPI.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SETS = {"datamatrix": ["datamatrix-1", "datamatrix-2"], "qr": ["qrcode-1", "qrcode-2"], "code128": ["code128-1"],
        "none": ["falsepositives-1"]}


def pictures(folder):
    return sorted(p for p in folder.glob("*") if p.suffix in (".png", ".jpg", ".webp"))


def plain(text):
    return re.sub("[\r\x1d]", "", text).replace("<GS>", "")


def codes(home):
    import zxingcpp

    kinds = zxingcpp.BarcodeFormat
    wanted = [kinds.DataMatrix, kinds.QRCode, kinds.Code128]
    right = {}
    for case, sets in SETS.items():
        right[case] = 0
        for file in (p for name in sets for p in pictures(home / name)):
            picture = np.asarray(Image.open(file).convert("RGB"))
            found = [result.text for result in zxingcpp.read_barcodes(picture, formats=wanted, text_mode=zxingcpp.TextMode.Plain)]
            text = file.with_suffix(".txt")
            if text.is_file():
                expected = text.read_bytes().decode("utf-8", "replace")
                right[case] += any(plain(t) == plain(expected) for t in found)
            else:
                right[case] += bool(found) == file.with_suffix(".bin").is_file()
    return right


def tags(home):
    from pupil_apriltags import Detector

    detector = Detector(families="tag36h11", quad_decimate=1.0)
    squares = []
    for file in pictures(home):
        truth = []
        for line in file.with_suffix(".txt").read_text().splitlines():
            numbers = [float(n) for n in re.findall(r"-?[\d.]+", line)]
            if len(numbers) == 9:
                truth.append((int(numbers[0]), np.array(numbers[1:]).reshape(4, 2) - 0.5))
        for found in detector.detect(np.asarray(Image.open(file).convert("L"))):
            # Its corners count from the pixels' edges, as the file's do; which comes first differs.
            turns = [np.roll(found.corners - 0.5, k, 0) for k in range(4)]
            off = [((turn - corners) ** 2).sum(1).mean() for number, corners in truth if number == found.tag_id for turn in turns]
            if off and min(off) < 9:
                squares.append(min(off))
    return {"found": len(squares), "rms_px": float(np.sqrt(np.mean(squares)))}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("codes", "tags"):
        sys.exit(__doc__)
    home = Path(sys.argv[2])
    print(json.dumps(codes(home / "codes") if sys.argv[1] == "codes" else tags(home / "apriltag")))


if __name__ == "__main__":
    main()
