"""What a robot finds in whole pictures, as perception/models/src/eyes.rs and perception/src/vessel/found.rs do, and how much of it is right."""

import numpy as np
import torch
from PIL import Image

from networks import PARTS, STRIDE, TYPES
from pictures import OTHER

# As there.
SHOWN_PX, LARGEST_SCALE, MULTIPLE, SAME, WITHIN = (320, 640), 2.5, 16, 0.5, 0.8
NO_INSIDE = [TYPES.index(name) for name in ("well_plate", "substrate", "rack")]
# The least score that average precision counts.
LEAST = 0.05


def area(box):
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def both(a, b):
    return area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def overlap(a, b):
    either = area(a) + area(b) - both(a, b)
    return both(a, b) / either if either > 0 else 0.0


def maps_of(told, pixels, scale):
    height, width = pixels.shape[:2]
    shown = [int(np.ceil(side * scale / MULTIPLE)) * MULTIPLE for side in (width, height)]
    # Beyond the picture its edge goes on.
    more = [int(np.ceil(to / scale)) - side for to, side in zip(shown, (width, height))]
    padded = np.pad(pixels, ((0, more[1]), (0, more[0]), (0, 0)), "edge")
    small = Image.fromarray(padded).resize(shown, Image.BILINEAR, box=(0, 0, shown[0] / scale, shown[1] / scale))
    with torch.no_grad():
        return told(torch.from_numpy((np.asarray(small, np.float32) / 255.0).transpose(2, 0, 1)[None]))[0].numpy()


def find(told, pixels):
    """Box, score and shares of types of each thing, the surest first."""
    height, width = pixels.shape[:2]
    peaks = []
    for scale in dict.fromkeys(min(side / max(width, height), LARGEST_SCALE) for side in SHOWN_PX):
        maps = maps_of(told, pixels, scale)
        middle = maps[0]
        around = np.pad(middle, 1, constant_values=-1.0)
        around = np.max([around[y:y + middle.shape[0], x:x + middle.shape[1]] for y in range(3) for x in range(3)], 0)
        for y, x in np.argwhere((middle >= LEAST) & (middle >= around)):
            cx, cy = (x + 0.5) * STRIDE, (y + 0.5) * STRIDE
            ways = maps[1:5, y, x]
            box = np.array([cx - ways[0], cy - ways[1], cx + ways[2], cy + ways[3]]) / scale
            box = np.clip(box, 0, [width, height, width, height])
            if area(box) >= 4:
                peaks.append((box, float(middle[y, x]), maps[5:-len(PARTS), y, x]))
    kept = []
    for peak in sorted(peaks, key=lambda peak: -peak[1]):
        same = lambda other: overlap(other[0], peak[0]) > SAME or (
            other[2].argmax() == peak[2].argmax() and both(other[0], peak[0]) > WITHIN * min(area(other[0]), area(peak[0])))
        if not any(same(other) for other in kept):
            kept.append(peak)
    return kept


def judged(told, pictures):
    """Of each thing that counts as a vessel its score, whether it is one, of what height and whether of that type; and the heights of all there are."""
    claims, tall = [], []
    for picture in pictures:
        left = [vessel for vessel in picture.vessels if vessel.type not in NO_INSIDE]
        tall += [vessel.box[3] - vessel.box[1] for vessel in left]
        for box, score, kinds in find(told, picture.pixels):
            if kinds[NO_INSIDE].sum() > 0.5 * kinds.sum():
                continue
            best = max(range(len(left)), key=lambda index: overlap(box, left[index].box), default=None)
            if best is not None and overlap(box, left[best].box) >= 0.5:
                vessel = left.pop(best)
                claims.append((score, True, vessel.box[3] - vessel.box[1], kinds.argmax() == vessel.type))
                continue
            # What is hidden for the most part counts neither as missed nor as wrong.
            low, high = np.floor(box[:2]).astype(int), np.ceil(box[2:]).astype(int)
            if (picture.owner[low[1]:high[1], low[0]:high[0]] == OTHER).mean() < 0.3:
                claims.append((score, False, 0.0, False))
    return sorted(claims, key=lambda claim: -claim[0]), np.array(tall)


def curve(claims, count):
    """Average precision, and precision and recall down to each claim."""
    hits = np.cumsum([hit for _, hit, _, _ in claims])
    precision, recall = hits / np.arange(1, len(claims) + 1), hits / max(count, 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * falling).sum()), precision, recall
