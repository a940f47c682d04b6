"""Natural image patches cut from the two photographs that scikit-learn brings along."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_sample_images

from neurospyke.images import Images, images_from_array

# Below this, a patch is little but sky and tells a contrast code nothing.
_LEAST_CONTRAST = 0.1


def read_natural_patches(
    n_patches: int, *, size: int = 40, seed: int = 0
) -> tuple[Images, pd.DataFrame]:
    """Random square patches of two photographs, a temple and a flower.

    Places are drawn evenly over both photographs; patches whose luminance has a standard deviation
    below 0.1 are passed over. Patches may overlap.

    Args:
        n_patches: how many, at least 1.
        size: side in pixels, 8 to 256.
        seed: seed of the places.

    Returns:
        Images float32 (patch, 1, size, size), and their table with `stimulus`, `photograph`,
        `row` and `column` of the upper left corner.

    Raises:
        ValueError: if a number is out of range.

    >>> images, stimuli = read_natural_patches(2, size=16, seed=0)
    >>> images.shape, list(stimuli.columns)
    (torch.Size([2, 1, 16, 16]), ['stimulus', 'photograph', 'row', 'column'])
    """
    if n_patches < 1 or not 8 <= size <= 256:
        raise ValueError(
            "`n_patches` must be at least 1 and `size` from 8 to 256 pixels; "
            f"got {n_patches} and {size}"
        )
    photographs = load_sample_images()
    names = [name.rsplit("/", 1)[-1].removesuffix(".jpg") for name in photographs.filenames]
    grey = images_from_array(np.stack(photographs.images)).squeeze(1).numpy()
    rng = np.random.default_rng(seed)
    patches: list[np.ndarray] = []
    places: list[dict[str, object]] = []
    while len(patches) < n_patches:
        which = int(rng.integers(len(grey)))
        row, column = (int(rng.integers(extent - size + 1)) for extent in grey[which].shape)
        patch = grey[which, row : row + size, column : column + size]
        if patch.std() >= _LEAST_CONTRAST:
            places.append({"photograph": names[which], "row": row, "column": column})
            patches.append(patch)
    stimuli = pd.DataFrame(places)
    stimuli.insert(0, "stimulus", [f"patch{index:04d}" for index in range(n_patches)])
    return images_from_array(np.stack(patches)), stimuli
