"""Scores and thresholds from pictures that a network was not trained on."""

import numpy as np
import torch

from networks import PARTS, PHASES, STRIDE, UNIT_PX
from pictures import reader_sample

EMPTY = PHASES.index("empty")
# Filled vessels that may be called empty, share.
CALLED_EMPTY = 0.02
# Squares that the detector is scored on.
SQUARES = 400


def told_phases(shares, phase, empty):
    """As the robot judges: all that stand out; nothing (it is in doubt) where none does, or where it is empty and not empty."""
    limits = np.full(len(PHASES), phase)
    limits[EMPTY] = empty
    told = shares >= limits
    told[told[:, EMPTY] & (told.sum(1) > 1)] = False
    return told


def macro_f1(told, truth):
    hits, claims, there = (told & truth).sum(0), told.sum(0), truth.sum(0)
    shown = there > 0
    return float((2 * hits / np.maximum(claims + there, 1))[shown].mean())


def reader_scores(told, shown):
    """Thresholds and scores on vessels as a robot would cut them out."""
    if not shown.crops:
        return {"type": 0.5, "phase": 0.5, "empty": 0.7}, {"vessels": 0}
    samples = [reader_sample(crop, None) for crop in shown.crops]
    pixels, phases, fill, types, masks = (np.stack(column) for column in zip(*samples))
    with torch.no_grad():
        answers = [told(torch.from_numpy(pixels[i:i + 64])) for i in range(0, len(pixels), 64)]
    shares, level, kinds, parts = (torch.cat(column).numpy() for column in zip(*answers))
    truth = phases > 0.5
    filled = ~truth[:, EMPTY]
    # A content is told where that scores best and it is not much less likely than not: a guess is worse than a doubt.
    wrong = lambda phase, empty: told_phases(shares, phase, empty)[filled, EMPTY].mean()
    best = []
    for phase in (0.5, 0.45, 0.4):
        empty = next((limit for limit in np.arange(phase, 0.96, 0.05) if wrong(phase, limit) <= CALLED_EMPTY), 0.99)
        best.append((macro_f1(told_phases(shares, phase, empty), truth), phase, empty))
    _, phase, empty = max(best)
    believed = told_phases(shares, phase, empty)
    sure = believed.any(1)
    at = filled & (fill >= 0) & sure
    cover, mine = parts[:, 0] > 0.5, masks[:, 0] > 0.5
    best = kinds.argmax(1)
    scores = {
        "vessels": len(samples),
        "phase_macro_f1": macro_f1(believed, truth),
        "in_doubt": float(1 - sure.mean()),
        "filled_called_empty": float(wrong(phase, empty)),
        "fill_median_error": float(np.median(np.abs(level[at, 0] - fill[at]))) if at.any() else 1.0,
        "type_right": float((best == types).mean()),
        "mask_overlap": float(((cover & mine).sum((1, 2)) / np.maximum((cover | mine).sum((1, 2)), 1)).mean()),
    }
    for index, name in enumerate(PHASES):
        if truth[:, index].any():
            scores[f"f1_{name}"] = macro_f1(believed[:, [index]], truth[:, [index]])
    thresholds = {"type": 0.5, "phase": round(float(phase), 2), "empty": round(float(empty), 2)}
    return thresholds, {name: round(value, 3) for name, value in scores.items()}


def detector_scores(told, shown):
    """The threshold with the best F1 and the scores there, on squares as it is trained on."""
    random = np.random.default_rng(0)
    claims, there, kinds_right, hits_at = [], 0, 0, 0
    for _ in range(SQUARES // 16):
        pixels, heat, _, boxes, types, _, _ = shown.batch(random, 16)
        with torch.no_grad():
            maps = told(pixels)
        middle = maps[:, 0]
        peaks = (middle == torch.nn.functional.max_pool2d(middle[:, None], 3, 1, 1)[:, 0]) & (middle > 0.05)
        for index in range(len(maps)):
            truth = [(y, x) for y, x in np.argwhere(heat[index].numpy() > 0.99)]
            there += len(truth)
            left = [box_at(boxes[index].numpy() * UNIT_PX, place) for place in truth]
            places = sorted(np.argwhere(peaks[index].numpy()).tolist(), key=lambda p: -float(middle[index][tuple(p)]))
            kept = []
            for y, x in places:
                box = box_at(maps[index, 1:5].numpy(), (y, x))
                if any(overlap(box, other) > 0.5 for other in kept):
                    continue
                kept.append(box)
                best = max(range(len(left)), key=lambda i: overlap(box, left[i]), default=None)
                hit = best is not None and overlap(box, left[best]) >= 0.5
                if hit:
                    kind = maps[index, 5:-len(PARTS), y, x].argmax()
                    kinds_right += int(kind == types[index][tuple(truth[best])])
                    hits_at += 1
                    left.pop(best)
                    truth.pop(best)
                claims.append((float(middle[index, y, x]), hit))
    if not claims:
        return {"score": 0.3}, {"vessels": there, "squares": SQUARES, "ap50_of_squares": 0.0}
    claims.sort(reverse=True)
    hits = np.cumsum([hit for _, hit in claims])
    precision, recall = hits / np.arange(1, len(claims) + 1), hits / max(there, 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    best = int(f1.argmax())
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    ap50 = float((np.diff(recall, prepend=0.0) * falling).sum())
    scores = {"vessels": there, "squares": SQUARES, "ap50_of_squares": ap50, "precision": float(precision[best]),
              "recall": float(recall[best]), "type_right": kinds_right / max(hits_at, 1)}
    return {"score": round(claims[best][0], 2)}, {name: round(value, 3) for name, value in scores.items()}


def box_at(ways, place):
    """Left, top, right, bottom from the four ways at a place."""
    y, x = place
    cx, cy = (x + 0.5) * STRIDE, (y + 0.5) * STRIDE
    left, top, right, bottom = ways[:, y, x]
    return cx - left, cy - top, cx + right, cy + bottom


def overlap(a, b):
    both = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    either = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / either if either > 0 else 0.0
