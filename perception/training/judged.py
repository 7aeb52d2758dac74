"""What a robot finds in whole pictures, shown to the detector as perception/models/src/eyes.rs does, and how much of it is right."""

import numpy as np
import torch
from PIL import Image

from classes import TYPES
from found import find, overlap
from pictures import OTHER

# As there.
SHOWN_PX, LARGEST_SCALE, MULTIPLE = (320, 640), 2.5, 16
NO_INSIDE = [TYPES.index(name) for name in ("well_plate", "substrate", "rack")]
# The least score that average precision counts.
LEAST = 0.05


def maps_of(told, pixels, scale):
    height, width = pixels.shape[:2]
    shown = [int(np.ceil(side * scale / MULTIPLE)) * MULTIPLE for side in (width, height)]
    # Beyond the picture its edge goes on.
    more = [int(np.ceil(to / scale)) - side for to, side in zip(shown, (width, height))]
    padded = np.pad(pixels, ((0, more[1]), (0, more[0]), (0, 0)), "edge")
    small = Image.fromarray(padded).resize(shown, Image.BILINEAR, box=(0, 0, shown[0] / scale, shown[1] / scale))
    with torch.no_grad():
        return told(torch.from_numpy((np.asarray(small, np.float32) / 255.0).transpose(2, 0, 1)[None]))[0].numpy()


def look(told, pixels):
    """What is found in a picture."""
    height, width = pixels.shape[:2]
    scales = dict.fromkeys(min(side / max(width, height), LARGEST_SCALE) for side in SHOWN_PX)
    return find((width, height), [(maps_of(told, pixels, scale), scale) for scale in scales], LEAST)


def judged(told, pictures):
    """Of each thing that counts as a vessel its score, whether it is one, of what height and whether of that type; and the heights of all there are."""
    claims, tall = [], []
    for picture in pictures:
        left = [vessel for vessel in picture.vessels if vessel.type not in NO_INSIDE]
        tall += [vessel.box[3] - vessel.box[1] for vessel in left]
        for box, score, kinds in look(told, picture.pixels):
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
