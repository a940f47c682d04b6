"""Methods in sentences, made of what the comparisons say was done, and of nothing else."""

from collections.abc import Callable, Mapping, Sequence

from neurospyke.compare.comparison import Comparison
from neurospyke.compare.inference import Inference
from neurospyke.report.courses import by_method
from neurospyke.report.method_phrases import (
    COMPARATORS,
    DISSIMILARITIES,
    MAPPINGS,
    MEASURES,
)
from neurospyke.report.notes import some

Aspect = Callable[[Comparison], str]


def method_paragraphs(
    comparisons: Sequence[Comparison],
    inferences: Sequence[Inference] = (),
    controls: Mapping[str, str] | None = None,
) -> list[str]:
    """A paragraph for each method that was used, then tests of models, controls and seeds.

    Args:
        comparisons: at least one.
        inferences: those that some of them come from.
        controls: what was done to make a control, by the name of the model.

    Returns:
        Paragraphs with citations as in `references`.

    >>> result = Comparison("rsa", "conv1", "V4", 0.31, (0.27, 0.35), conditions=("a", "b", "c"),
    ...                     settings={"dissimilarity": "correlation", "comparator": "cosine"})
    >>> method_paragraphs([result])[0].split(". ")[1][:48]
    'Dissimilarities of conditions are correlation di'
    """
    paragraphs = [_paragraph(group) for group in by_method(comparisons)]
    tests = _tests(inferences)
    seeds = sorted({each.seed for each in comparisons if each.seed is not None})
    drawn = [f"All that is random was drawn from the seed {some(list(map(str, seeds)))}."]
    made = [
        f"“{name}” is a control: {text.rstrip('.')}." for name, text in (controls or {}).items()
    ]
    last = [" ".join(part) for part in (made, drawn if seeds else []) if part]
    return [*paragraphs, *tests, *last]


def _paragraph(comparisons: list[Comparison]) -> str:
    method = comparisons[0].method
    aspects = _ASPECTS.get(method.split(" ")[0], _OTHER)
    opening = _opening(comparisons)
    return " ".join(filter(None, [opening, *(_said(aspect, comparisons) for aspect in aspects)]))


def _said(aspect: Aspect, comparisons: list[Comparison]) -> str:
    """The sentence of an aspect; where comparisons differ in it, one for each kind of them."""
    groups: dict[str, list[Comparison]] = {}
    for each in comparisons:
        groups.setdefault(aspect(each), []).append(each)
    # The first comparisons are what a study is about; what follows differs from them.
    usual = next((text for text in groups if text), "")
    others = [
        f"Otherwise for {_whom(group, comparisons)}: {text[:1].lower()}{text[1:]}"
        for text, group in groups.items()
        if text and text != usual
    ]
    return " ".join([usual, *others])


def _whom(group: list[Comparison], every: list[Comparison]) -> str:
    names = some(list(dict.fromkeys(each.model for each in group)))
    brains = dict.fromkeys(each.brain for each in group)
    if len(brains) < len({each.brain for each in every}):
        names = f"{names} with {some(list(brains))}"
    if all(each.step is not None for each in group):
        return f"{names} at single steps"
    windows = {each.time for each in group}
    if len(windows) > 1 and None not in windows:
        return f"{names} in {len(windows)} windows of time"
    (window,) = windows if len(windows) == 1 else (None,)
    return names if window is None else f"{names} from {window[0]:g} to {window[1]:g} s"


def _opening(comparisons: list[Comparison]) -> str:
    models = dict.fromkeys(each.model for each in comparisons)
    brains = some(list(dict.fromkeys(each.brain for each in comparisons)))
    numbers = sorted({len(each.conditions) for each in comparisons})
    over = " or ".join(map(str, numbers))
    names = f"{len(models)} models" if len(models) > 6 else some(list(models))
    method = comparisons[0].method
    what = {
        "rsa": "Representational similarity analysis [@kriegeskorte2008] compared",
        "encoding": "Linear encoding models [@naselaris2011] predicted",
        "alignment": "Alignment compared",
    }.get(method.split(" ")[0], f"The method “{method}” compared")
    if method == "encoding":
        return f"{what} the mean responses of {brains} to {over} conditions from {names}."
    return f"{what} {names} with {brains} over {over} conditions."


def _dissimilarity(each: Comparison) -> str:
    names = str(each.settings.get("dissimilarity", "")).split(" / ")
    said = [phrase for name in names if (phrase := _dissimilarity_phrase(name))]
    return (
        f"Dissimilarities of conditions are {', for the other side '.join(said)}." if said else ""
    )


def _dissimilarity_phrase(name: str) -> str:
    kind, _, policy = name.partition(" (undefined = ")
    phrase = DISSIMILARITIES.get(kind, f"“{kind}”" if kind else "")
    policy = policy.rstrip(")")
    return f"{phrase}, {policy} where a pattern is constant or silent" if policy else phrase


def _comparator(each: Comparison) -> str:
    name = str(each.settings.get("comparator", ""))
    if not name:
        return ""
    phrase = COMPARATORS.get(name, f"“{name}”")
    dropped = each.settings.get("n_dropped")
    left_out = f" {dropped} conditions that not all sides have were left out." if dropped else ""
    return f"The score is {phrase} of the dissimilarities of both sides.{left_out}"


def _fit(each: Comparison) -> str:
    kind = each.settings.get("fit", "none")
    if kind == "none":
        return ""
    stimuli, subjects = (each.settings.get(f"n_{what}_folds") for what in ("stimulus", "subject"))
    return (
        f"The model has parameters ({kind}), fitted and scored on different stimuli and subjects, "
        f"{stimuli} folds of stimuli and {subjects} of subjects [@schutt2023]."
    )


def _interval(each: Comparison) -> str:
    over = {"both": "stimuli and subjects"}.get(str(each.settings.get("over")))
    over = over or str(each.settings.get("over", ""))
    drawn, used = each.settings.get("n_bootstrap"), each.settings.get("n_bootstrap_used")
    if not drawn or not over:
        return ""
    short = f", of which {used} have a score" if used != drawn else ""
    return (
        f"Intervals hold {100 * each.confidence:g} % and are the score ± t standard errors, from "
        f"{drawn} bootstrap samples of the {over}{short} [@schutt2023]."
    )


def _p(each: Comparison) -> str:
    number = each.settings.get("n_permutations")
    if each.p is None:
        return ""
    if each.settings.get("fit", "none") != "none":
        return "p comes from a one-sided t test against 0 with that standard error [@schutt2023]."
    return (
        f"p is one-sided, (1 + k) / (1 + n), k of n = {number} permutations of the conditions "
        "scoring at least as high [@kriegeskorte2008]."
    )


def _ceiling(each: Comparison) -> str:
    how, splits = str(each.settings.get("ceiling", "")), each.settings.get("n_splits")
    if how.startswith("split-half of "):
        half = how.removeprefix("split-half of ").partition(" ")[0]
        return (
            f"The noise ceiling runs from R to √R, R the reliability of the dissimilarities by the "
            f"Spearman-Brown formula over {splits} random halves of the {half} [@spearman1910; "
            "@brown1910; @nili2014]."
        )
    if how == "agreement of subjects":
        return (
            f"The noise ceiling is the agreement of {each.settings.get('n_subjects')} subjects: "
            "of each with the others (lower) and with all (upper bound) [@nili2014]."
        )
    # Why is the same for many; by how much is in the table.
    why = how.partition(" (")[0]
    return f"There is no noise ceiling; it is {why}." if how else ""


def _encoding_map(each: Comparison) -> str:
    mapping = str(each.settings.get("mapping", ""))
    components = each.settings.get("n_components")
    reduced = f" of {components} principal components" if components else ""
    return (
        f"The map is {MAPPINGS.get(mapping, f'“{mapping}”')}{reduced}, learned anew without each "
        f"of {each.settings.get('n_folds')} folds of the conditions; the score is the median over "
        f"{each.settings.get('n_targets_scored')} units of the mean correlation over folds."
    )


def _encoding_interval(each: Comparison) -> str:
    number = len(each.resamples)
    return (
        f"Intervals hold {100 * each.confidence:g} % and are the score ± t standard errors, from "
        f"{number} bootstrap samples of the conditions."
        if number
        else ""
    )


def _encoding_ceiling(each: Comparison) -> str:
    if each.ceiling is None:
        return "There is no noise ceiling: the conditions have no repetitions that agree."
    return (
        "The noise ceiling runs from the median R to the median √R over units, R the split-half "
        "reliability of a unit by the Spearman-Brown formula [@spearman1910; @brown1910; "
        "@schrimpf2018]."
    )


def _encoding_p(each: Comparison) -> str:
    fitted = (
        "p is the share of permutations of the conditions, all fitted anew, that score as high."
    )
    return "" if each.p is None else fitted


def _alignment_measure(each: Comparison) -> str:
    name, folds = str(each.settings.get("measure", "")), each.settings.get("n_folds")
    held_out = f", in conditions held out from the fit ({folds} folds)" if folds else ""
    return f"The measure is {MEASURES.get(name, f'“{name}”')}{held_out}."


def _alignment_ceiling(each: Comparison) -> str:
    splits = each.settings.get("n_splits")
    if not splits:
        return "The brain's conditions have no repetitions, so there is no noise ceiling."
    return (
        f"The score is the mean over both halves of {splits} random splits of the brain's trials; "
        "the noise ceiling runs from r, the measure between the halves, to √r [@nili2014]."
    )


def _alignment_interval(each: Comparison) -> str:
    return (
        f"Intervals hold {100 * each.confidence:g} % and come from a jackknife over groups of "
        "conditions."
    )


def _alignment_p(each: Comparison) -> str:
    return "" if each.p is None else "p is the share of permutations of the conditions as high."


def _other_settings(each: Comparison) -> str:
    said = ", ".join(f"{name} {value}" for name, value in each.settings.items())
    return f"Its settings were: {said}." if said else ""


_ASPECTS: Mapping[str, tuple[Aspect, ...]] = {
    "rsa": (_dissimilarity, _comparator, _fit, _interval, _p, _ceiling),
    "encoding": (_encoding_map, _encoding_interval, _encoding_p, _encoding_ceiling),
    "alignment": (_alignment_measure, _alignment_ceiling, _alignment_interval, _alignment_p),
}
_OTHER = (_other_settings,)


def _tests(inferences: Sequence[Inference]) -> list[str]:
    if not inferences:
        return []
    is_tested = any(each.model_frame()["p_ceiling"].notna().any() for each in inferences)
    ceiling = ", p_ceiling from a two-sided one against the lower bound of the noise ceiling"
    said = [
        "In the tables of tests, p_zero comes from a one-sided t test of the score against 0"
        f"{ceiling if is_tested else ''}, with the standard errors of the bootstrap samples "
        "[@schutt2023]; p_fdr is p, or p_zero where there is no p, corrected for the number of "
        "models by the false discovery rate [@benjamini1995]."
    ]
    several = [each for each in inferences if len(each.models) > 1]
    if several:
        brains = some(list(dict.fromkeys(each.comparisons[0].brain for each in several)))
        said.append(
            f"Models were tested against each other, with {brains}, by two-sided t tests whose "
            "variances come from the same bootstrap samples [@schutt2023]; p_fdr is corrected for "
            "the number of pairs by the false discovery rate [@benjamini1995]."
        )
    return [" ".join(said)]
