"""Where names stand beside their points so that none covers another."""

import numpy as np

_N_ANGLES = 16
_N_STEPS = 60


def place_names(points: np.ndarray, sizes: np.ndarray, unit: float) -> np.ndarray:
    """Middles of boxes beside points that cover neither each other nor a point.

    Each box takes the nearest free place around its point, of those equally near the one that
    points most away from where other points are dense. Boxes that find no place within 60 steps
    stay beside their point.

    Args:
        points: (point, 2) coordinates.
        sizes: (point, 2) widths and heights of the boxes, in the unit of the points.
        unit: distance between a point and its box, and between the places that are tried.

    Returns:
        (point, 2) middles.

    >>> place_names(np.array([[0.0, 0.0], [4.0, 0.0]]), np.full((2, 2), 2.0), 1.0)
    array([[-2.,  0.],
           [ 6.,  0.]])
    """
    reach = max(float(np.ptp(points, axis=0).max()), unit) / 6
    angles = np.arange(_N_ANGLES) * 2 * np.pi / _N_ANGLES
    ways = np.round(np.stack([np.cos(angles), np.sin(angles)], axis=1), 12)
    placed: list[np.ndarray] = []  # low and high corners
    middles = np.empty_like(points)
    for place, (point, size) in enumerate(zip(points, sizes, strict=True)):
        apart = point - points
        crowd = (apart * np.exp(-((apart / reach) ** 2).sum(axis=1))[:, None]).sum(axis=0)
        order = np.argsort(-(ways @ crowd), kind="stable")
        tried = [
            point + way * (size / 2 + step * unit)
            for step in range(1, _N_STEPS + 1)
            for way in ways[order]
        ]
        free = (middle for middle in tried if _is_free(middle, size, points, placed))
        middles[place] = next(free, tried[0])
        placed.append(np.stack([middles[place] - size / 2, middles[place] + size / 2]))
    return middles


def _is_free(
    middle: np.ndarray, size: np.ndarray, points: np.ndarray, placed: list[np.ndarray]
) -> bool:
    low, high = middle - size / 2, middle + size / 2
    if ((points > low) & (points < high)).all(axis=1).any():
        return False
    boxes = np.array(placed).reshape(-1, 2, 2)
    return not ((boxes[:, 0] < high) & (boxes[:, 1] > low)).all(axis=1).any()
