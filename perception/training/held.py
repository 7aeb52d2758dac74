"""Scores and thresholds from pictures that a network was not trained on."""

import numpy as np
import torch

from classes import PHASES
from crops import reader_sample
from judged import curve, judged

EMPTY = PHASES.index("empty")
# Filled vessels that may be called empty, share: of each kind of picture as counted, and of all as much as is not ruled out.
CALLED_EMPTY = 0.02
# One-sided 95 %, in standard deviations.
SURE = 1.645
# Of the contents that are told, the share that must be right.
RIGHT = 0.5
# How much more a miss weighs than a thing that is none, in the F-score.
MISSED = 2.0


def told_phases(shares, phase, empty):
    """As the robot judges: all that stand out; nothing (it is in doubt) where none does, or where it is empty and not empty."""
    limits = np.full(len(PHASES), phase)
    limits[EMPTY] = empty
    told = shares >= limits
    told[told[:, EMPTY] & (told.sum(1) > 1)] = False
    return told


def not_ruled_out(hits, tried):
    """The largest share that so many hits of so many tries do not rule out: the upper end of Wilson's interval."""
    if not tried:
        return 0.0
    share, spread = hits / tried, SURE ** 2 / tried
    return (share + spread / 2 + np.sqrt(spread * (share * (1 - share) + spread / 4))) / (1 + spread)


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
    # Of what a robot has, whole pictures, and of close-ups alike: the worse of the two counts.
    cut_out = np.array([crop.from_picture for crop in shown.crops])
    kinds_of = [some for some in (filled & cut_out, filled & ~cut_out) if some.any()]

    def wrong(phase, empty):
        called = told_phases(shares, phase, empty)[:, EMPTY]
        return max([called[some].mean() for some in kinds_of] + [not_ruled_out(called[filled].sum(), filled.sum())])

    # A content is told where that scores best and at least half of what is told is right, where there is such a limit: a guess is worse than a doubt.
    ways = []
    for phase in (0.3, 0.35, 0.4, 0.45, 0.5):
        empty = next((limit for limit in np.arange(phase, 0.96, 0.05) if wrong(phase, limit) <= CALLED_EMPTY), 0.99)
        believed = told_phases(shares, phase, empty)
        ways.append(((believed & truth).sum() >= RIGHT * believed.sum(), macro_f1(believed, truth), phase, empty))
    _, _, phase, empty = max(ways)
    believed = told_phases(shares, phase, empty)
    sure = believed.any(1)
    level_error = np.abs(level[:, 0] - fill)[fill > 0]
    cover, mine = parts[:, 0] > 0.5, masks[:, 0] > 0.5
    best = kinds.argmax(1)
    scores = {
        "vessels": len(samples),
        "phase_macro_f1": macro_f1(believed, truth),
        "in_doubt": float(1 - sure.mean()),
        "told_right": float((believed & truth).sum() / max(believed.sum(), 1)),
        "filled_called_empty": float(believed[filled, EMPTY].mean()) if filled.any() else 0.0,
        "level_error": float(level_error.mean()) if len(level_error) else 1.0,
        "type_right": float((best == types).mean()),
        "mask_overlap": float(((cover & mine).sum((1, 2)) / np.maximum((cover | mine).sum((1, 2)), 1)).mean()),
    }
    for index, name in enumerate(PHASES):
        if truth[:, index].any():
            scores[f"f1_{name}"] = macro_f1(believed[:, [index]], truth[:, [index]])
    thresholds = {"type": 0.5, "phase": round(float(phase), 2), "empty": round(float(empty), 2)}
    return thresholds, {name: round(value, 3) for name, value in scores.items()}


def detector_scores(told, shown):
    """The threshold with the best F-score and the scores there, on whole pictures as a robot shows them."""
    claims, tall = judged(told, shown.pictures)
    if not claims or not len(tall):
        return {"score": 0.3}, {"pictures": len(shown.pictures), "vessels": len(tall), "ap50": 0.0}
    ap50, precision, recall = curve(claims, len(tall))
    # A vessel that is missed is worse than a look at nothing.
    scored = (1 + MISSED ** 2) * precision * recall / np.maximum(MISSED ** 2 * precision + recall, 1e-9)
    best = int(scored.argmax())
    sure = [claim for claim in claims[:best + 1] if claim[1]]
    scores = {"pictures": len(shown.pictures), "vessels": len(tall), "ap50": ap50, "precision": float(precision[best]), "recall": float(recall[best]),
              "recall_from_40_px": sum(claim[2] >= 40 for claim in sure) / max((tall >= 40).sum(), 1),
              "type_right": sum(claim[3] for claim in sure) / max(len(sure), 1)}
    return {"score": round(claims[best][0], 2)}, {name: value if isinstance(value, int) else round(float(value), 3) for name, value in scores.items()}
