"""Fits the second opinion: how likely a thing that the detector found is one, once the reader has looked at it too.

    python3 opinion.py perception/models --data out/others        # pictures that neither network was trained on

Finds and reads as the robot does (perception/models/src/eyes.rs), on rendered pictures, and writes `[opinion]` and the thresholds into the
detector's card. One half of the pictures is fitted on, the other tells what it is worth. Needs onnxruntime besides numpy and Pillow.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from held import overlap
from networks import CROP_HEIGHT, CROP_WIDTH, PARTS, STRIDE, TYPES
from pictures import crop_box

# As in perception/models/src/eyes.rs and perception/src/vessel/found.rs.
SHOWN_PX, LARGEST_SCALE, LEAST_READ_PX, SAME, WITHIN, HIDDEN = (320, 640), 2.5, 24.0, 0.5, 0.8, 0.35
NO_INSIDE = [TYPES.index(name) for name in ("well_plate", "substrate", "rack")]
# What is asked for an opinion, and the least score that average precision counts.
ASKED, LEAST = 0.12, 0.05
# Of the penalty on weights: a regression with more data than weights needs next to none.
RIDGE = 1e-3


def session(file):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def planes(image, box, size):
    return np.asarray(image.resize(size, Image.BILINEAR, box=box), np.float32).transpose(2, 0, 1)[None] / 255.0


def within(box, other):
    both = max(min(box[2], other[2]) - max(box[0], other[0]), 0) * max(min(box[3], other[3]) - max(box[1], other[1]), 0)
    area = lambda b: max((b[2] - b[0]) * (b[3] - b[1]), 1e-9)
    return both / min(area(box), area(other))


def find(detector, image):
    """Box, score, kinds, and the share of the box that the mask covers, of each thing."""
    width, height = image.size
    peaks = []
    for side in SHOWN_PX:
        scale = min(side / max(width, height), LARGEST_SCALE)
        shown = [int(np.ceil(v * scale / 16)) * 16 for v in (width, height)]
        if abs(shown[0] / scale - width) > 1 or abs(shown[1] / scale - height) > 1:
            raise SystemExit(f"pictures of {width} x {height} do not divide by 16 at a side of {side} px")
        maps = detector.run(None, {"image": planes(image, (0, 0, width, height), shown)})[0][0]
        padded = np.pad(maps[0], 1, constant_values=-1.0)
        around = np.max([padded[y:y + maps.shape[1], x:x + maps.shape[2]] for y in range(3) for x in range(3)], 0)
        for y, x in np.argwhere((maps[0] >= LEAST) & (maps[0] >= around)):
            cx, cy = (x + 0.5) * STRIDE, (y + 0.5) * STRIDE
            ways = maps[1:5, y, x]
            box = np.array([cx - ways[0], cy - ways[1], cx + ways[2], cy + ways[3]]) / scale
            box = np.clip(box, 0, [width, height, width, height])
            if (box[2] - box[0]) * (box[3] - box[1]) >= 4:
                low = np.floor(box[:2] * scale / STRIDE).astype(int)
                high = np.maximum(np.ceil(box[2:] * scale / STRIDE).astype(int), low + 1)
                covered = (maps[-len(PARTS), low[1]:high[1], low[0]:high[0]] > 0.5).mean()
                peaks.append((box, float(maps[0, y, x]), maps[5:-len(PARTS), y, x], float(covered)))
    kept = []
    for peak in sorted(peaks, key=lambda peak: -peak[1]):
        same = lambda other: overlap(other[0], peak[0]) > SAME or (
            other[2].argmax() == peak[2].argmax() and within(other[0], peak[0]) > WITHIN)
        if not any(same(other) for other in kept):
            kept.append(peak)
    return kept


def logit(share):
    share = np.clip(share, 1e-4, 1 - 1e-4)
    return float(np.log(share / (1 - share)))


def signs(found, answer):
    """As perception/src/vessel/opinion.rs has them."""
    box, score, kinds, covered = found
    own = [1.0, logit(score), covered, float(np.log(max(box[3] - box[1], 1.0)))]
    if answer is None:
        return own
    phases, read_kinds, mask, crop = answer
    rows, columns = mask.shape
    at = lambda v, low, high, count: np.clip((v - low) / (high - low) * count, 0, count)
    x = [int(round(at(v, crop[0], crop[2], columns))) for v in (box[0], box[2])]
    y = [int(round(at(v, crop[1], crop[3], rows))) for v in (box[1], box[3])]
    part = mask[y[0]:max(y[1], y[0] + 1), x[0]:max(x[1], x[0] + 1)]
    return own + [float((part > 0.5).mean()), float(read_kinds.max()), float(phases.max()), float((kinds * read_kinds).sum())]


def look(detector, reader, image):
    """Box, detector's score and signs of each thing that counts as a vessel."""
    out = []
    for found in find(detector, image):
        box, score, kinds, _ = found
        if kinds[NO_INSIDE].sum() > kinds.sum() - kinds[NO_INSIDE].sum():
            continue
        answer = None
        if box[3] - box[1] >= LEAST_READ_PX and score >= ASKED:
            crop = crop_box(box)
            wide = (int(np.floor(crop[0])), int(np.floor(crop[1])), int(np.ceil(crop[2])), int(np.ceil(crop[3])))
            pixels = np.asarray(image)
            rows = np.clip(np.arange(wide[1], wide[3]), 0, image.size[1] - 1)
            columns = np.clip(np.arange(wide[0], wide[2]), 0, image.size[0] - 1)
            part = Image.fromarray(pixels[rows][:, columns])
            inner = (crop[0] - wide[0], crop[1] - wide[1], crop[2] - wide[0], crop[3] - wide[1])
            told = reader.run(None, {"crops": planes(part, inner, (CROP_WIDTH, CROP_HEIGHT))})
            answer = told[0][0], told[2][0], told[3][0][0], crop
        out.append((box, score, signs(found, answer)))
    return out


def matched(seen, truths, ignored):
    """Whether each thing is one, None where that is not asked; the surest first."""
    left, hits = list(truths), []
    for box in seen:
        best = max(range(len(left)), key=lambda i: overlap(box, left[i]), default=None)
        if best is not None and overlap(box, left[best]) >= 0.5:
            hits.append(True)
            left.pop(best)
        else:
            hits.append(None if any(overlap(box, other) >= 0.5 for other in ignored) else False)
    return hits


def regression(x, y):
    """Logistic, by Newton's steps."""
    x, y, w = np.array(x), np.array(y, float), np.zeros(len(x[0]))
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ w))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + RIDGE * len(y) * np.eye(len(w))
        w = w + np.linalg.solve(hessian, x.T @ (y - p) - RIDGE * len(y) * w)
    return w


def average_precision(scored, there):
    scored = sorted(scored, key=lambda one: -one[0])
    hits = np.cumsum([hit for _, hit in scored])
    precision, recall = hits / np.arange(1, len(scored) + 1), hits / there
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * falling).sum()), precision, recall, [score for score, _ in scored]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, help="folder of the networks and their cards; the detector's is written")
    parser.add_argument("--data", type=Path, required=True, help="a folder of nightshift dataset")
    args = parser.parse_args()
    detector, reader = session(args.models / "detector.onnx"), session(args.models / "reader.onnx")
    data = json.loads((args.data / "annotations.json").read_text())
    names = {entry["id"]: entry["name"] for entry in data["categories"]}
    pictures = []
    for entry in data["images"]:
        image = Image.open(args.data / entry["file_name"]).convert("RGB")
        truths, ignored = [], []
        for a in data["annotations"]:
            if a["image_id"] != entry["id"] or names[a["category_id"]] not in TYPES or names[a["category_id"]] in ("well_plate", "substrate", "rack"):
                continue
            x, y, w, h = a["bbox"]
            (ignored if a.get("iscrowd") or a.get("visible", 1.0) < HIDDEN else truths).append((x, y, x + w, y + h))
        pictures.append((look(detector, reader, image), truths, ignored))
    fit, test = pictures[::2], pictures[1::2]
    weights = {}
    for name, count in (("unread", 4), ("read", 8)):
        x, y = [], []
        for seen, truths, ignored in fit:
            for (_, _, sign), hit in zip(seen, matched([box for box, _, _ in seen], truths, ignored)):
                if hit is not None and (len(sign) >= 8 or name == "unread"):
                    x.append(sign[:count])
                    y.append(hit)
        weights[name] = regression(x, y)
        print(f"{name}: {len(y)} things, {sum(y)} of them are one; {np.round(weights[name], 3).tolist()}")
    opinion = lambda sign: 1 / (1 + np.exp(-float(np.dot(weights["read" if len(sign) > 4 else "unread"], sign))))
    there = sum(len(truths) for _, truths, _ in test)
    for name, value in (("detector alone", lambda score, sign: score), ("with the reader", lambda score, sign: opinion(sign))):
        scored = []
        for seen, truths, ignored in test:
            order = sorted(((box, value(score, sign)) for box, score, sign in seen), key=lambda one: -one[1])
            hits = matched([box for box, _ in order], truths, ignored)
            scored += [(score, hit) for (_, score), hit in zip(order, hits) if hit is not None]
        ap, precision, recall, scores = average_precision(scored, there)
        most = recall[-1]
        at = int(np.argmax(recall >= KEPT * most))
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
        best = int(f1.argmax())
        words = "; ".join(f"at {scores[i]:.2f}: recall {recall[i]:.3f}, precision {precision[i]:.3f}" for i in (at, best))
        print(f"{name}: {there} vessels, AP50 {ap:.3f}; {words}")
        for limit in (0.2, 0.25, 0.3, 0.35, 0.4, 0.5):
            i = int(np.searchsorted(-np.array(scores), -limit)) - 1
            if i >= 0:
                print(f"    {limit}: recall {recall[i]:.3f} precision {precision[i]:.3f}")
    lines = "\n".join(f"{name} = {[round(float(v), 3) for v in w]}" for name, w in weights.items())
    card = args.models / "detector.toml"
    text = re.sub(r"\n\[opinion\]\n(?:[^\[\n][^\n]*\n|\n(?!\[))*", "\n", card.read_text())
    card.write_text(text.rstrip("\n") + f"\n\n[opinion]\n{lines}\n")


if __name__ == "__main__":
    main()
