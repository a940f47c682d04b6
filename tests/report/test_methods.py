"""What the methods say is what was done: every part of it, and nothing else."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neurospyke.compare import COMPARATORS, DISSIMILARITIES, alignment, encoding, rsa
from neurospyke.compare.comparison import Comparison
from neurospyke.compare.mapping import MAPPINGS
from neurospyke.compare.rdm import RDM
from neurospyke.compare.split_alignment import ALIGNMENTS
from neurospyke.report import method_phrases
from neurospyke.report.methods import method_paragraphs
from neurospyke.report.references import REFERENCES, cited, parts_of
from neurospyke.responses import Responses

STIMULI = tuple(f"s{number:02}" for number in range(24))


@pytest.fixture(scope="module")
def brain() -> Responses:
    generator = np.random.default_rng(0)
    means = generator.gamma(2.0, 3.0, (len(STIMULI), 6))
    counts = generator.poisson(np.repeat(means, 4, axis=0))
    responses = Responses.from_counts(
        counts, stimuli=[each for each in STIMULI for _ in range(4)], source="V4"
    )
    return replace(responses, trials=responses.trials.assign(repetition=[0, 1, 2, 3] * 24))


def rdms(n: int) -> list[RDM]:
    generator = np.random.default_rng(1)
    return [
        RDM(generator.gamma(2.0, size=28), STIMULI[:8], dissimilarity="any", source=f"subject {k}")
        for k in range(n)
    ]


def test_rsa_is_told_with_its_own_numbers(brain):
    result = rsa(
        brain.average(),
        brain,
        dissimilarity="euclidean",
        comparator="cosine",
        n_bootstrap=37,
        n_permutations=41,
        n_splits=7,
        confidence=0.9,
        model_name="conv1",
        seed=5,
    )
    text, seed = method_paragraphs([result])
    for part in (
        "compared conv1 with V4 over 24 conditions",
        "squared Euclidean distances",
        "The score is the cosine [@diedrichsen2017]",
        "Intervals hold 90 %",
        "from 37 bootstrap samples of the stimuli",
        "k of n = 41 permutations",
        "over 7 random halves of the trials",
    ):
        assert part in text
    assert seed == "All that is random was drawn from the seed 5."
    assert "subjects" not in text
    assert "fitted" not in text


def test_what_was_not_done_is_not_said(brain):
    result = rsa(
        brain.average(), rdms(1)[0], missing="drop", n_bootstrap=20, n_permutations=0, seed=0
    )
    (text, _) = method_paragraphs([result])
    assert "permutations" not in text
    assert "16 conditions that not all sides have were left out" in text
    assert "There is no noise ceiling; it is undefined: one brain RDM has no trials" in text
    assert "spearman1910" not in text


def test_several_subjects_and_models_are_told(brain):
    del brain
    first, *others = rdms(4)
    inference = rsa(
        {"a": first, "b": others[0]}, others[1:], n_bootstrap=20, n_permutations=9, seed=0
    )
    text, tests, _ = method_paragraphs(inference.comparisons, [inference])
    assert "bootstrap samples of the stimuli and subjects" in text
    assert "agreement of 2 subjects" in text
    assert "against each other" in tests
    assert "benjamini1995" in tests
    assert "p_zero comes from a one-sided t test of the score against 0, p_ceiling" in tests
    assert "corrected for the number of pairs" in tests


def test_tests_of_one_model_are_told_and_of_a_ceiling_where_there_is_one(brain):
    few: dict[str, Any] = {"n_bootstrap": 20, "n_permutations": 9, "n_splits": 2, "seed": 0}
    first, *others = rdms(4)
    alone = rsa({"a": brain.average()}, brain, dissimilarity="euclidean", **few)
    (tests,) = method_paragraphs(alone.comparisons, [alone])[1:-1]
    assert "p_zero comes from a one-sided t test of the score against 0, with" in tests
    assert "p_ceiling" not in tests
    assert "against each other" not in tests
    both = [alone, rsa({"a": first}, others, **few)]
    every = [*both[0].comparisons, *both[1].comparisons]
    assert "p_ceiling" in method_paragraphs(every, both)[1]


def test_encoding_and_alignment_are_told_with_their_own_numbers(brain):
    model = brain.average()
    one = encoding({"conv1": model}, brain, folds=6, n_bootstrap=30, seed=0).comparisons["conv1"]
    other = alignment({"conv1": model}, brain, measure="linear_cka", n_splits=3, seed=0)["conv1"]
    encoded, aligned, _ = method_paragraphs([one, other])
    assert "ridge regression" in encoded
    assert "each of 6 folds" in encoded
    assert "30 bootstrap samples" in encoded
    assert "kornblith2019" in aligned
    assert "3 random splits" in aligned
    assert "permutations" not in encoded + aligned


def test_what_differs_among_comparisons_is_said_of_whom_it_is_true():
    def one(model, number, **more):
        settings = {"over": "stimuli", "n_bootstrap": number, "n_bootstrap_used": number}
        return Comparison(
            "rsa", model, "V4", 0.1, (0, 0.2), conditions=STIMULI, settings=settings, **more
        )

    (text,) = method_paragraphs([one("a", 50), one("b", 50), one("a", 10, step=3)])
    assert "from 50 bootstrap samples" in text
    assert "Otherwise for a at single steps: intervals hold 95 %" in text
    assert text.count("samples") == 2


def test_a_difference_between_brains_names_the_brain():
    def one(brain, used):
        settings = {"over": "stimuli", "n_bootstrap": 50, "n_bootstrap_used": used}
        return Comparison("rsa", "a", brain, 0.1, (0, 0.2), conditions=STIMULI, settings=settings)

    (text,) = method_paragraphs([one("V4", 50), one("IT", 48)])
    usual, other = text.split("Otherwise for a with IT: ")
    assert "of which" not in usual
    assert "from 50 bootstrap samples of the stimuli, of which 48 have a score" in other


def test_a_method_without_words_of_its_own_tells_its_settings():
    result = Comparison(
        "partial", "a", "V4", 0.1, (0, 0.2), conditions=STIMULI, settings={"given": "b"}
    )
    (text,) = method_paragraphs([result])
    assert (
        text
        == "The method “partial” compared a with V4 over 24 conditions. Its settings were: given b."
    )


def test_every_choice_has_words_with_known_citations(brain):
    few = brain.where(trials=brain.trials["stimulus"].isin(STIMULI[:4]).to_numpy())
    kinds = {DISSIMILARITIES[name](few).dissimilarity for name in DISSIMILARITIES}
    assert kinds <= set(method_phrases.DISSIMILARITIES)
    for names, phrases in (
        (COMPARATORS, method_phrases.COMPARATORS),
        (ALIGNMENTS, method_phrases.MEASURES),
        (MAPPINGS, method_phrases.MAPPINGS),
    ):
        assert set(names) <= set(phrases)
    said = [
        text
        for phrases in (
            method_phrases.DISSIMILARITIES,
            method_phrases.COMPARATORS,
            method_phrases.MEASURES,
            method_phrases.MAPPINGS,
        )
        for text in phrases.values()
    ]
    assert set(cited(said)) <= set(REFERENCES)
    assert all(year in entry for _, (cite, entry) in REFERENCES.items() for year in [cite[-4:]])


def test_unknown_citations_are_refused():
    with pytest.raises(ValueError, match=r"`methods` must cite keys of .*got \['nobody1900'\]"):
        parts_of("As in [@nobody1900].")
