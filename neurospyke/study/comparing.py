"""The comparisons of a study: what each method is asked, and what comes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pandas as pd

from neurospyke.compare import (
    ALIGNMENTS,
    COMPARATORS,
    DISSIMILARITIES,
    Comparison,
    Inference,
    TrialSplits,
    alignment,
    decode,
    encoding,
    rsa,
    shuffle_labels,
)
from neurospyke.compare.mapping import MAPPINGS
from neurospyke.responses import Responses
from neurospyke.study.brain import BrainData
from neurospyke.study.keys import Keys
from neurospyke.study.models import Track

_WITH_POLICY = ("correlation", "cosine")
_SHARED = ("method", "models", "areas")
RSA_KEYS = (
    *(*_SHARED, "control", "time_bins", "steps", "dissimilarity", "undefined", "comparator"),
    *("over", "split", "missing", "confidence"),
    *("n_bootstrap", "n_permutations", "n_splits", "n_folds", "n_repeats"),
)
ENCODING_KEYS = (
    *(*_SHARED, "control", "mapping", "n_components", "folds"),
    *("n_bootstrap", "n_permutations"),
)
ALIGNMENT_KEYS = (*_SHARED, "control", "measure", "folds", "n_splits", "n_permutations")
DECODING_KEYS = (*_SHARED, "label", "block", "folds", "n_repeats", "n_permutations")


@dataclass(frozen=True)
class Sides:
    """What is compared.

    Args:
        models: responses by name.
        baselines: those that control nothing and are no finding.
        brain: responses by area.
        layers: those of the network.
        up_to: responses of a layer of the network up to a time step; None without a network.
        seed: of everything random.
        track: called with (items, label) around long loops.
    """

    models: Mapping[str, Responses]
    baselines: tuple[str, ...]
    brain: BrainData
    layers: tuple[str, ...]
    up_to: Callable[[str, int], Responses] | None
    seed: int
    track: Track


@dataclass
class Outcome:
    """What comparisons gave.

    Args:
        comparisons: scores, those of several models as an inference.
        controls: what was done to make a control, by name.
        tables: by heading.
        methods: sentences on what the comparisons do not tell themselves.
        dissimilarity: that of the first comparison of dissimilarities, for matrices to show.
    """

    comparisons: list[Comparison | Inference] = field(default_factory=list)
    controls: dict[str, str] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    dissimilarity: Any = None


Run = Callable[[Sides, Outcome], None]


def read_comparison(table: Any, position: int) -> Run:
    """One comparison of a configuration, checked and ready to run.

    Args:
        table: one of [[comparison]], as TOML gave it.
        position: its number, from 1.

    Returns:
        What runs it and adds to an outcome.

    Raises:
        ValueError: if a key or value does not fit.
    """
    where = f"comparison {position}"
    every = dict.fromkeys([key for keys, _ in _METHODS.values() for key in keys])
    method = Keys(table, where, every).text("method", among=_METHODS)
    keys, read = _METHODS[method]
    return read(Keys(table, where, keys))


def _rsa(keys: Keys) -> Run:
    choices: dict[str, Any] = {
        "dissimilarity": _dissimilarity(keys),
        "comparator": keys.text("comparator", "spearman", among=COMPARATORS),
        "over": keys.text("over", None, among=("stimuli", "subjects", "both")),
        "split": keys.text("split", "trials", among=("trials", "units")),
        "missing": keys.text("missing", "error", among=("error", "drop")),
        "confidence": keys.number("confidence", 0.95, above=0),
        "n_bootstrap": keys.whole("n_bootstrap", 1000, least=2),
        "n_permutations": keys.whole("n_permutations", 1000),
        "n_splits": keys.whole("n_splits", 20, least=1),
        "n_folds": keys.whole("n_folds", 5, least=2),
        "n_repeats": keys.whole("n_repeats", 2, least=2),
    }
    chosen = _chosen(keys)
    control = keys.flag("control", "time_bins" not in keys and "steps" not in keys)
    steps = keys.wholes("steps", (), least=1)
    if keys.flag("time_bins") and steps:
        raise ValueError(f"[[{keys.where}]] must have one of `time_bins` and `steps`; got both")
    if steps:
        return partial(_rsa_by_step, chosen=chosen, steps=steps, choices=choices)
    if keys.flag("time_bins"):
        return partial(_rsa_in_bins, chosen=chosen, choices=choices)
    return partial(_rsa_whole, chosen=chosen, control=control, choices=choices)


def _dissimilarity(keys: Keys) -> Any:
    name = keys.text("dissimilarity", "correlation", among=DISSIMILARITIES)
    if "undefined" not in keys:
        return name
    if name not in _WITH_POLICY:
        raise ValueError(
            f"`{keys.path_to('undefined')}` must go with a dissimilarity of {list(_WITH_POLICY)}; "
            f"got it with {name!r}"
        )
    compute: Any = DISSIMILARITIES[name]
    return partial(compute, undefined=keys.number("undefined"))


@dataclass(frozen=True)
class _Chosen:
    """Which models and areas; all where none is named."""

    models: tuple[str, ...]
    areas: tuple[str, ...]
    where: str

    def models_of(self, sides: Sides) -> dict[str, Responses]:
        return self._pick("models", self.models, sides.models)

    def areas_of(
        self, sides: Sides, areas: Mapping[str, Responses] | None = None
    ) -> dict[str, Responses]:
        return self._pick("areas", self.areas, sides.brain.areas if areas is None else areas)

    def _pick(
        self, what: str, names: tuple[str, ...], among: Mapping[str, Responses]
    ) -> dict[str, Responses]:
        absent = sorted(set(names) - set(among))
        if absent:
            raise ValueError(f"`{self.where}.{what}` must be among {list(among)}; got {absent}")
        return {name: among[name] for name in names or among}


def _chosen(keys: Keys) -> _Chosen:
    return _Chosen(keys.texts("models", ()), keys.texts("areas", ()), keys.where)


def _rsa_whole(
    sides: Sides, outcome: Outcome, *, chosen: _Chosen, control: bool, choices: dict[str, Any]
) -> None:
    models = chosen.models_of(sides)
    areas = chosen.areas_of(sides)
    outcome.dissimilarity = outcome.dissimilarity or choices["dissimilarity"]
    for area in sides.track(list(areas), "rsa"):
        named: dict[str, Any] = {"brain_name": area, "seed": sides.seed}
        inference = rsa(models, areas[area], **choices, **named)
        outcome.comparisons.append(inference)
        if control:
            name, responses = _control(sides, outcome, models, inference.comparisons)
            outcome.comparisons.append(
                rsa(responses, areas[area], model_name=name, **choices, **named)
            )


def _rsa_in_bins(
    sides: Sides, outcome: Outcome, *, chosen: _Chosen, choices: dict[str, Any]
) -> None:
    if not sides.brain.bins:
        raise ValueError(
            f"`{chosen.where}.time_bins` needs bins: give `align.bin_width`, or responses in bins"
        )
    models, areas = chosen.models_of(sides), chosen.areas_of(sides, sides.brain.bins)
    cells = [(area, bin_) for area, part in areas.items() for bin_ in pairwise(part.edges)]
    for area, bin_ in sides.track(cells, "rsa in time bins"):
        part = areas[area].where(time=bin_)
        found = rsa(models, part, brain_name=area, seed=sides.seed, **choices)
        outcome.comparisons += found.comparisons


def _rsa_by_step(
    sides: Sides,
    outcome: Outcome,
    *,
    chosen: _Chosen,
    steps: tuple[int, ...],
    choices: dict[str, Any],
) -> None:
    if sides.up_to is None:
        raise ValueError(f"`{chosen.where}.steps` needs a [network], whose layers have time steps")
    areas = chosen.areas_of(sides)
    layers = [name for name in chosen.models_of(sides) if name in sides.layers]
    outcome.methods.append(
        "Along model steps, a layer's pattern is who has spiked by that step, at "
        f"{len(steps)} steps from {min(steps)} to {max(steps)}."
    )
    for name, step in sides.track(
        [(name, step) for name in layers for step in steps], "rsa by step"
    ):
        fired = {name: sides.up_to(name, step)}
        for area, brain in areas.items():
            (found,) = rsa(fired, brain, brain_name=area, seed=sides.seed, **choices).comparisons
            outcome.comparisons.append(replace(found, step=step))


def _encoding(keys: Keys) -> Run:
    return partial(
        _by_area,
        compare=_encode,
        chosen=_chosen(keys),
        control=keys.flag("control", True),
        choices={
            "mapping": keys.text("mapping", "ridge", among=MAPPINGS),
            "n_components": keys.whole("n_components", None, least=1),
            "folds": keys.whole("folds", 10, least=2),
            "n_bootstrap": keys.whole("n_bootstrap", 1000, least=2),
            "n_permutations": keys.whole("n_permutations", 0),
        },
    )


def _encode(models: Mapping[str, Responses], brain: Responses, **given: Any) -> list[Comparison]:
    return list(encoding(models, brain, **given).comparisons.values())


def _alignment(keys: Keys) -> Run:
    return partial(
        _by_area,
        compare=_align,
        chosen=_chosen(keys),
        control=keys.flag("control", True),
        choices={
            "measure": keys.text("measure", "debiased_cka", among=ALIGNMENTS),
            "folds": keys.whole("folds", None, least=2),
            "n_splits": keys.whole("n_splits", 10, least=1),
            "n_permutations": keys.whole("n_permutations", 0),
        },
    )


def _align(models: Mapping[str, Responses], brain: Responses, **given: Any) -> list[Comparison]:
    return list(alignment(models, brain, **given).values())


def _by_area(
    sides: Sides,
    outcome: Outcome,
    *,
    compare: Callable[..., list[Comparison]],
    chosen: _Chosen,
    control: bool,
    choices: dict[str, Any],
) -> None:
    models, areas = chosen.models_of(sides), chosen.areas_of(sides)
    for area in sides.track(list(areas), "comparing"):
        found = compare(models, areas[area], seed=sides.seed, **choices)
        if control:
            name, responses = _control(sides, outcome, models, found)
            found += compare({name: responses}, areas[area], seed=sides.seed, **choices)
        outcome.comparisons += [replace(each, brain=area) for each in found]


def _control(
    sides: Sides,
    outcome: Outcome,
    models: Mapping[str, Responses],
    found: "tuple[Comparison, ...] | list[Comparison]",
) -> tuple[str, Responses]:
    """The best model that is no baseline, its labels shuffled."""
    real = [each for each in found if each.model not in sides.baselines] or list(found)
    best = max(real, key=lambda each: each.score).model
    name = f"{best}, shuffled"
    outcome.controls[name] = (
        f"the stimulus labels of {best} were permuted, with the seed {sides.seed}, before comparing"
    )
    return name, shuffle_labels(models[best], sides.seed)


def _decoding(keys: Keys) -> Run:
    return partial(
        _decode,
        chosen=_chosen(keys),
        label=keys.text("label"),
        splits=TrialSplits(
            folds=keys.whole("folds", 5, least=2),
            block=keys.text("block", None),
            n_repeats=keys.whole("n_repeats", 1, least=1),
        ),
        n_permutations=keys.whole("n_permutations", 99),
    )


def _decode(
    sides: Sides,
    outcome: Outcome,
    *,
    chosen: _Chosen,
    label: str,
    splits: TrialSplits,
    n_permutations: int,
) -> None:
    every = {**chosen.areas_of(sides), **chosen.models_of(sides)}
    rows = []
    for name in sides.track(list(every), f"decoding {label}"):
        side = every[name]
        one_bin = side if side.n_times == 1 else side.sum_over_time()
        found = decode(
            one_bin, label, splits=splits, n_permutations=n_permutations, seed=sides.seed
        )
        rows.append(found.to_frame().assign(side=name, n_trials=side.n_trials))
    table = pd.concat(rows, ignore_index=True)
    shown = ["side", "accuracy", "chance", "p", "n_classes", "n_trials"]
    outcome.tables[f"Decoding of {label}"] = table[shown]
    blocks = "" if splits.block is None else f", trials of one {splits.block} never on both sides"
    times = "" if splits.n_repeats == 1 else f", drawn {splits.n_repeats} times"
    tested = f"; p from {n_permutations} exchanges of the labels [@nichols2002]"
    outcome.methods.append(
        f"The label “{label}” was decoded from single trials of each side by the mean pattern that "
        f"correlates best with the z-scored trial [@meyers2008], in {splits.folds} folds of the "
        f"trials{blocks}{times}{tested if n_permutations else ''}."
    )


_METHODS: Mapping[str, tuple[tuple[str, ...], Callable[[Keys], Run]]] = MappingProxyType(
    {
        "rsa": (RSA_KEYS, _rsa),
        "encoding": (ENCODING_KEYS, _encoding),
        "alignment": (ALIGNMENT_KEYS, _alignment),
        "decoding": (DECODING_KEYS, _decoding),
    }
)
