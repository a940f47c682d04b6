from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurospyke.figures import plot_energy

HOSTILE = "$\\frac{$ _<b>"


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "network": ["spiking", HOSTILE] * 2,
            "arithmetic": ["int32", "int32", "fp32", "fp32"],
            "nanojoule": [2.5, 50.0, 4.0, 12345.0],
            "ratio": [1.0, 20.0, 1.0, 3086.25],
        }
        | columns
    )


def test_bars_end_at_their_energy_and_say_it() -> None:
    ax: Any = plot_energy(table())
    bars = [bar for container in ax.containers for bar in container]
    assert [bar.get_x() for bar in bars] == [1.0] * 4
    assert [bar.get_x() + bar.get_width() for bar in bars] == pytest.approx([2.5, 50, 4, 12345])
    middles = [bar.get_y() + bar.get_height() / 2 for bar in bars]
    assert middles == pytest.approx([-0.2, 0.8, 0.2, 1.2])
    times = "\N{MULTIPLICATION SIGN}"
    assert [text.get_text() for text in ax.texts] == [
        "2.5 nJ",
        f"50 nJ, {times} 20",
        "4 nJ",
        f"12,300 nJ, {times} 3,090",
    ]
    assert ax.get_xscale() == "log"
    assert ax.get_xlim()[0] == 1.0
    assert [label.get_text() for label in ax.get_yticklabels()] == ["spiking", HOSTILE]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["int32", "fp32"]
    assert len({bar.get_hatch() for bar in bars}) == 2


def test_a_bar_at_a_power_of_ten_is_still_a_bar() -> None:
    ax: Any = plot_energy(table(nanojoule=[10.0, 100, 1000, 10000]))
    assert ax.get_xlim()[0] == 1.0
    ax.figure.canvas.draw()


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_energies_without_a_logarithm_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match=r"`table\['nanojoule'\]` must be above 0 and finite"):
        plot_energy(table(nanojoule=[1.0, 2.0, bad, 3.0]))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match=r"`table` must be .* none of \['ratio'\]"):
        plot_energy(table().drop(columns="ratio"))
