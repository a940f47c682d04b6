"""Representational similarity analysis: does a model tell apart what a brain tells apart?"""

from collections.abc import Mapping
from typing import NamedTuple, TypedDict, Unpack, overload

import numpy as np

from neurospyke.compare.bootstrap import BOOTSTRAPPED
from neurospyke.compare.comparators import check_comparator, compare_rdms
from neurospyke.compare.comparison import Comparison, Setting
from neurospyke.compare.dissimilarities import Dissimilarity
from neurospyke.compare.inference import (
    Inference,
    contrast_variances,
    degrees_of_freedom,
    p_above_zero,
    score_interval,
)
from neurospyke.compare.permutation import label_permutation
from neurospyke.compare.products import FORMS
from neurospyke.compare.rdm import RDM
from neurospyke.compare.reliability import explain_split_half_ceiling, subject_ceiling
from neurospyke.compare.resample import permutations, spawn_seeds
from neurospyke.compare.sampling import (
    Draws,
    draw_samples,
    every_once,
    fold_numbers,
    sample_scores,
    subject_scores,
)
from neurospyke.compare.sides import Brain, Model, Sides, collect_sides, names_of, window_of

_SCORE_REPEATS = 20
_LEAST = {"n_bootstrap": 2, "n_permutations": 0, "n_splits": 1, "n_folds": 2, "n_repeats": 2}


class _Choices(NamedTuple):
    """What the caller chose, besides the data."""

    dissimilarity: Dissimilarity
    comparator: str
    over: str
    split: str
    numbers: dict[str, int]
    confidence: float
    missing: str
    seed: int


class RSAChoices(TypedDict, total=False):
    """Keywords of `rsa` with a default; what they mean is told there."""

    dissimilarity: Dissimilarity
    comparator: str
    over: str | None
    n_bootstrap: int
    n_permutations: int
    n_splits: int
    split: str
    n_folds: int
    n_repeats: int
    confidence: float
    missing: str
    model_name: str | None
    brain_name: str | None
    earlier: Inference | None


@overload
def rsa(models: Model, brain: Brain, *, seed: int, **choices: Unpack[RSAChoices]) -> Comparison: ...


@overload
def rsa(
    models: Mapping[str, Model], brain: Brain, *, seed: int, **choices: Unpack[RSAChoices]
) -> Inference: ...


def rsa(  # noqa: PLR0913 (each is a choice that changes the result, and all but three have defaults)
    models: Model | Mapping[str, Model],
    brain: Brain,
    *,
    dissimilarity: Dissimilarity = "correlation",
    comparator: str = "spearman",
    over: str | None = None,
    n_bootstrap: int = 1000,
    n_permutations: int = 1000,
    n_splits: int = 20,
    split: str = "trials",
    n_folds: int = 5,
    n_repeats: int = 2,
    confidence: float = 0.95,
    missing: str = "error",
    model_name: str | None = None,
    brain_name: str | None = None,
    earlier: Inference | None = None,
    seed: int,
) -> Comparison | Inference:
    """Representational similarity of models and a brain, with intervals, ceiling and p values.

    A score is sim(d_model, d_brain) of the two vectors of dissimilarities, for several subjects
    its mean over them. The interval is score ± t s, s from a bootstrap over stimuli, subjects or
    both (`contrast_variances`); copies of a stimulus make no pair, and samples with fewer than 3
    different stimuli are left out. The p value is (1 + n(permuted >= score)) / (1 + n), permuting
    the stimuli; for models that are fitted, that of a t test against 0. The ceiling comes from
    random halves of one brain's trials or units (`split_half_ceiling`) or from several subjects
    (`subject_ceiling`); one brain RDM gives none.

    Where a model is fitted (`selected`, `weighted`, `interpolated`, `least_squares`,
    `ridge_weighted`), all are scored on stimuli and subjects held out from the fit, under the same
    random folds.

    Args:
        models: responses, RDM or flexible model; several by name.
        brain: responses or RDM, or those of several subjects.
        dissimilarity: a name in `DISSIMILARITIES` or a function from responses to an RDM; it is
            applied to responses, not to RDMs.
        comparator: "cosine", "pearson", "whitened_cosine", "whitened_pearson", and where no model
            is fitted "spearman", "rho_a", "tau_a" or "tau_b".
        over: "stimuli", "subjects" or "both": to what the interval generalises; both by default,
            and stimuli where there is one subject.
        n_bootstrap: number of bootstrap samples, at least 2.
        n_permutations: number of permutations; 0 tests nothing.
        n_splits: number of random halves behind a split-half ceiling.
        split: "trials" or "units": what is halved for it.
        n_folds: most folds of stimuli, and of subjects, where a model is fitted.
        n_repeats: how often folds are drawn for each bootstrap sample, at least 2.
        confidence: coverage of the interval, between 0 and 1.
        missing: "error" refuses conditions that one side lacks; "drop" keeps the shared ones.
        model_name: what to call a single model; its layer or source by default.
        brain_name: what to call the brain; its area or source by default.
        earlier: result of the same call with fewer bootstrap samples, which are kept.
        seed: whole number; bootstrap, permutations, splits and folds draw from independent streams.

    Returns:
        The comparison, with every choice in `settings`; for several models an inference that also
        has what was drawn, all samples, and tests of the models against each other.

    Raises:
        TypeError: if a side is neither responses nor RDM, or `earlier` is no inference.
        ValueError: if labels do not match, fewer than 3 conditions are shared, the dissimilarity
            or score is undefined, or `earlier` rests on other data or choices.

    Source: Kriegeskorte, Mur and Bandettini 2008, Frontiers in Systems Neuroscience 2:4; Nili et
    al. 2014, PLoS Computational Biology 10:e1003553; Schütt et al. 2023, eLife 12:e82566.

    >>> rdm = RDM(np.array([1.0, 2.0, 3.0]), ("a", "b", "c"), dissimilarity="any", source="IT")
    >>> print(rsa(rdm, rdm, n_bootstrap=100, n_permutations=0, seed=0))
    rsa of IT with IT: 1.00 [1.00, 1.00], ceiling not known, 3 conditions
    """
    check_comparator(comparator, BOOTSTRAPPED)
    seeds = spawn_seeds(seed, 6)
    numbers = {
        "n_bootstrap": int(n_bootstrap),
        "n_permutations": int(n_permutations),
        "n_splits": int(n_splits),
        "n_folds": int(n_folds),
        "n_repeats": int(n_repeats),
    }
    _check_numbers(numbers, confidence)
    if split not in ("trials", "units"):
        raise ValueError(f"`split` must be 'trials' or 'units'; got {split!r}")
    if isinstance(models, list | tuple):
        raise TypeError("`models` must have names where there are several: give a dict of them")
    named = dict(models) if isinstance(models, Mapping) else {model_name or "": models}
    data = collect_sides(named, brain, dissimilarity, missing)
    over = _check_over(over, data, comparator)
    choices = _Choices(
        dissimilarity, comparator, over, split, numbers, confidence, missing, int(seed)
    )
    brain_name = brain_name or names_of(data.brain_rdms) or "brain"
    result = _infer(data, choices, seeds, brain_name, earlier)
    return result if isinstance(models, Mapping) else result.comparisons[0]


def _check_numbers(numbers: Mapping[str, int], confidence: float) -> None:
    for name, number in numbers.items():
        if number < _LEAST[name]:
            raise ValueError(f"`{name}` must be at least {_LEAST[name]}; got {number}")
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be between 0 and 1; got {confidence}")


def _check_over(over: str | None, data: Sides, comparator: str) -> str:
    if data.is_fitted and comparator not in FORMS:
        raise ValueError(
            f"`comparator` must be one of {list(FORMS)} where a model is fitted; got {comparator!r}"
        )
    several = len(data.brains) > 1
    over = over or ("both" if several else "stimuli")
    known = ("stimuli", "subjects", "both") if several else ("stimuli",)
    if over not in known:
        raise ValueError(
            f"`over` must be one of {list(known)} with {len(data.brains)} subjects; got {over!r}"
        )
    return over


def _infer(
    data: Sides,
    choices: _Choices,
    seeds: list[np.random.SeedSequence],
    brain_name: str,
    earlier: Inference | None,
) -> Inference:
    scores, p, in_subjects = _score(data, choices, seeds[0], seeds[5])
    draws = draw_samples(
        data.sizes,
        choices.numbers["n_bootstrap"],
        choices.over,
        choices.numbers["n_repeats"] if data.is_fitted else 0,
        (seeds[1], seeds[3], seeds[4]),
    )
    samples = _sample(data, choices, draws, scores, earlier)
    ceiling, how = _ceiling(data, choices, seeds[2])
    comparisons = [
        _comparison(data, choices, row, (scores[row], p[row]), samples, (ceiling, how), brain_name)
        for row in range(len(data.names))
    ]
    return Inference(
        tuple(comparisons),
        choices.over,
        in_subjects,
        tuple(
            rdm.source or f"subject {number}" for number, rdm in enumerate(data.brain_rdms, start=1)
        ),
        samples,
        draws.stimuli,
        draws.subjects,
    )


def _score(
    data: Sides,
    choices: _Choices,
    seed: np.random.SeedSequence,
    fold_seed: np.random.SeedSequence,
) -> tuple[np.ndarray, list[float | None], np.ndarray]:
    """(model,) scores, their p values by permutation where known, (model, subject) scores."""
    comparator, n_models = choices.comparator, len(data.names)
    if data.is_fitted:
        once = every_once(data.sizes, _SCORE_REPEATS, fold_seed)
        given = data.stack, data.brains, comparator, once
        found = sample_scores(*given, "stimuli", choices.numbers["n_folds"])[0, :, 0, :-2]
        each = subject_scores(*given, choices.numbers["n_folds"])
        return found.mean(axis=0), [None] * n_models, each
    _check_defined(data, comparator)
    each = compare_rdms(data.stack.vectors, data.brains, comparator)
    n_permutations = choices.numbers["n_permutations"]
    orders = permutations(data.sizes[0], max(n_permutations, 1), seed)[:n_permutations]
    scores, p = label_permutation(data.stack.vectors, data.brains, comparator, orders)
    return scores, list(map(float, p)) if n_permutations else [None] * n_models, each


def _check_defined(data: Sides, comparator: str) -> None:
    """Name the side that cannot be compared."""
    sides = [("model", name, row) for name, row in zip(data.names, data.stack.vectors, strict=True)]
    sides += [
        ("brain", str(rdm), row) for rdm, row in zip(data.brain_rdms, data.brains, strict=True)
    ]
    for side, name, vector in sides:
        try:
            compare_rdms(vector[None], vector[None], comparator)
        except ValueError as error:
            raise ValueError(f"`{side}` {name} cannot be compared: {error}") from error


def _sample(
    data: Sides,
    choices: _Choices,
    draws: Draws,
    scores: np.ndarray,
    earlier: Inference | None,
) -> np.ndarray:
    """Scores in all samples; those of an earlier result are not computed again."""
    start = 0 if earlier is None else _check_earlier(earlier, data, choices, draws, scores)
    given = data.stack, data.brains, choices.comparator, draws.after(start), choices.over
    if start == len(draws.stimuli) and earlier is not None:
        return earlier.samples
    found = sample_scores(*given, choices.numbers["n_folds"])
    return found if earlier is None else np.concatenate([earlier.samples, found], axis=2)


def _check_earlier(
    earlier: Inference, data: Sides, choices: _Choices, draws: Draws, scores: np.ndarray
) -> int:
    if not isinstance(earlier, Inference):
        raise TypeError(
            f"`earlier` must be an Inference; got {type(earlier).__name__}: give the models by "
            "name, as a dict, for a result that can be gone on with"
        )
    n = earlier.n_samples
    alike = {
        "names of models": earlier.models == data.names,
        "scores": earlier.scores.shape == scores.shape
        and np.allclose(earlier.scores, scores, rtol=0, atol=1e-9),
        "resampling": earlier.over == choices.over and n <= len(draws.stimuli),
        "draws": earlier.stimulus_counts.shape == draws.stimuli[:n].shape
        and np.array_equal(earlier.stimulus_counts, draws.stimuli[:n])
        and np.array_equal(earlier.subject_counts, draws.subjects[:n]),
        "repeats": earlier.samples.shape[1] == draws.keys.shape[1],
    }
    if not all(alike.values()):
        differ = [name for name, same in alike.items() if not same]
        raise ValueError(
            f"`earlier` must be of the same data, choices and seed; it differs in {differ}"
        )
    return n


def _ceiling(
    data: Sides, choices: _Choices, seed: np.random.SeedSequence
) -> tuple[tuple[float, float] | None, str]:
    """The ceiling, and how it was made or why there is none."""
    if len(data.brains) > 1:
        lower, upper = subject_ceiling(data.brain_rdms, choices.comparator)
        if lower > upper:
            return None, f"undefined: the lower bound {lower:.3g} is above the upper {upper:.3g}"
        return (lower, upper), "agreement of subjects"
    brain = data.in_own_order[0]
    if isinstance(brain, RDM):
        return None, "undefined: one brain RDM has no trials to split"
    return explain_split_half_ceiling(
        brain,
        dissimilarity=choices.dissimilarity,
        comparator=choices.comparator,
        over=choices.split,
        n_splits=choices.numbers["n_splits"],
        seed=seed,
    )


def _comparison(
    data: Sides,
    choices: _Choices,
    row: int,
    result: tuple[float, float | None],
    samples: np.ndarray,
    ceiling: tuple[tuple[float, float] | None, str],
    brain_name: str,
) -> Comparison:
    score, p = result
    of_model = samples[0, :, :, row].mean(axis=0)
    usable = of_model[np.isfinite(of_model)]
    if len(usable) < 2:
        raise ValueError(
            f"the interval is undefined: {len(usable)} of {len(of_model)} bootstrap samples have "
            "a score; use more conditions or a larger `n_bootstrap`"
        )
    n_conditions, n_subjects = data.sizes
    contrast = np.eye(1, samples.shape[3], row)
    (variance,) = contrast_variances(samples, contrast, choices.over, n_subjects, n_conditions)
    error, dof = np.sqrt(variance), degrees_of_freedom(choices.over, n_subjects, n_conditions)
    return Comparison(
        "rsa",
        data.names[row],
        brain_name,
        score,
        score_interval(score, error, dof, choices.confidence),
        confidence=choices.confidence,
        ceiling=ceiling[0],
        p=p_above_zero(score, error, dof) if data.is_fitted else p,
        conditions=data.conditions,
        units=(data.units[row], sum(rdm.n_units for rdm in data.brain_rdms)),
        time=window_of(data.in_own_order[0]),
        settings=_settings(data, choices, row, len(usable), ceiling[1]),
        seed=choices.seed,
        resamples=usable,
    )


def _settings(
    data: Sides, choices: _Choices, row: int, n_used: int, ceiling: str
) -> dict[str, Setting]:
    numbers: dict[str, int] = dict(choices.numbers)
    of_stimuli, of_subjects = fold_numbers(*data.sizes, numbers.pop("n_folds"))
    n_repeats = numbers.pop("n_repeats")
    fitted: dict[str, Setting] = {
        "fit": data.stack.models[row][1] or "none",
        "penalty": data.stack.penalties[row],
        "n_stimulus_folds": of_stimuli,
        "n_subject_folds": of_subjects,
        "n_repeats": n_repeats,
    }
    return {
        "dissimilarity": data.dissimilarities[row],
        "comparator": choices.comparator,
        "over": choices.over,
        **numbers,
        "n_bootstrap_used": n_used,
        "n_subjects": len(data.brains),
        "missing": choices.missing,
        "n_dropped": data.n_dropped,
        "ceiling": ceiling,
        **(fitted if data.is_fitted else {}),
    }
