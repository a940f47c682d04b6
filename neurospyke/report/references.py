"""What methods are cited by, and how a sentence cites them."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple


class Reference(NamedTuple):
    """A published source.

    Attributes:
        cite: authors and year, as a sentence names them.
        entry: the whole entry of a list of references.
    """

    cite: str
    entry: str


REFERENCES: Mapping[str, Reference] = MappingProxyType(
    {
        "bashivan2019": Reference(
            "Bashivan et al., 2019",
            "Bashivan P, Kar K, DiCarlo JJ (2019) Neural population control via deep image "
            "synthesis. Science 364:eaav9436.",
        ),
        "benjamini1995": Reference(
            "Benjamini and Hochberg, 1995",
            "Benjamini Y, Hochberg Y (1995) Controlling the false discovery rate: a practical and "
            "powerful approach to multiple testing. Journal of the Royal Statistical Society B "
            "57:289-300.",
        ),
        "brown1910": Reference(
            "Brown, 1910",
            "Brown W (1910) Some experimental results in the correlation of mental abilities. "
            "British Journal of Psychology 3:296-322.",
        ),
        "cichy2014": Reference(
            "Cichy et al., 2014",
            "Cichy RM, Pantazis D, Oliva A (2014) Resolving human object recognition in space and "
            "time. Nature Neuroscience 17:455-462.",
        ),
        "cowley2023": Reference(
            "Cowley et al., 2023",
            "Cowley BR, Stan PL, Pillow JW, Smith MA (2023) Compact deep neural network models of "
            "visual cortex. bioRxiv 2023.11.22.568315.",
        ),
        "diedrichsen2017": Reference(
            "Diedrichsen and Kriegeskorte, 2017",
            "Diedrichsen J, Kriegeskorte N (2017) Representational models: a common framework for "
            "understanding encoding, pattern-component, and representational-similarity analysis. "
            "PLoS Computational Biology 13:e1005508.",
        ),
        "diedrichsen2021": Reference(
            "Diedrichsen et al., 2021",
            "Diedrichsen J, Berlot E, Mur M, Schütt HH, Shahbazi M, Kriegeskorte N (2021) "
            "Comparing representational geometries using whitened unbiased-distance-matrix "
            "similarity. "
            "Neurons, Behavior, Data Analysis, and Theory 5(3).",
        ),
        "harvey2024": Reference(
            "Harvey et al., 2024",
            "Harvey SE, Larsen BW, Williams AH (2024) Duality of Bures and shape distances with "
            "implications for comparing neural representations. NeurIPS workshop on unifying "
            "representations in neural models.",
        ),
        "hoerl1970": Reference(
            "Hoerl and Kennard, 1970",
            "Hoerl AE, Kennard RW (1970) Ridge regression: biased estimation for nonorthogonal "
            "problems. Technometrics 12:55-67.",
        ),
        "hotelling1936": Reference(
            "Hotelling, 1936",
            "Hotelling H (1936) Relations between two sets of variates. Biometrika 28:321-377.",
        ),
        "huh2024": Reference(
            "Huh et al., 2024",
            "Huh M, Cheung B, Wang T, Isola P (2024) The platonic representation hypothesis. ICML.",
        ),
        "kendall1938": Reference(
            "Kendall, 1938",
            "Kendall MG (1938) A new measure of rank correlation. Biometrika 30:81-93.",
        ),
        "kendall1945": Reference(
            "Kendall, 1945",
            "Kendall MG (1945) The treatment of ties in ranking problems. Biometrika 33:239-251.",
        ),
        "kheradpisheh2018": Reference(
            "Kheradpisheh et al., 2018",
            "Kheradpisheh SR, Ganjtabesh M, Thorpe SJ, Masquelier T (2018) STDP-based spiking deep "
            "convolutional neural networks for object recognition. Neural Networks 99:56-67.",
        ),
        "kheradpisheh2020": Reference(
            "Kheradpisheh and Masquelier, 2020",
            "Kheradpisheh SR, Masquelier T (2020) Temporal backpropagation for spiking neural "
            "networks with one spike per neuron. International Journal of Neural Systems "
            "30:2050027.",
        ),
        "kornblith2019": Reference(
            "Kornblith et al., 2019",
            "Kornblith S, Norouzi M, Lee H, Hinton G (2019) Similarity of neural network "
            "representations revisited. ICML.",
        ),
        "kriegeskorte2008": Reference(
            "Kriegeskorte et al., 2008",
            "Kriegeskorte N, Mur M, Bandettini P (2008) Representational similarity analysis: "
            "connecting the branches of systems neuroscience. Frontiers in Systems Neuroscience "
            "2:4.",
        ),
        "kriegeskorte2019": Reference(
            "Kriegeskorte and Diedrichsen, 2019",
            "Kriegeskorte N, Diedrichsen J (2019) Peeling the onion of brain representations. "
            "Annual Review of Neuroscience 42:407-432.",
        ),
        "meyers2008": Reference(
            "Meyers et al., 2008",
            "Meyers EM, Freedman DJ, Kreiman G, Miller EK, Poggio T (2008) Dynamic population "
            "coding of category information in inferior temporal and prefrontal cortex. Journal "
            "of Neurophysiology 100:1407-1419.",
        ),
        "morcos2018": Reference(
            "Morcos et al., 2018",
            "Morcos AS, Raghu M, Bengio S (2018) Insights on representational similarity in neural "
            "networks with canonical correlation. NeurIPS.",
        ),
        "mozafari2018": Reference(
            "Mozafari et al., 2018",
            "Mozafari M, Kheradpisheh SR, Masquelier T, Nowzari-Dalini A, Ganjtabesh M (2018) "
            "First-spike-based visual categorization using reward-modulated STDP. IEEE "
            "Transactions on Neural Networks and Learning Systems 29:6178-6190.",
        ),
        "mozafari2019": Reference(
            "Mozafari et al., 2019",
            "Mozafari M, Ganjtabesh M, Nowzari-Dalini A, Thorpe SJ, Masquelier T (2019) "
            "Bio-inspired digit recognition using reward-modulated spike-timing-dependent "
            "plasticity in deep convolutional networks. Pattern Recognition 94:87-95.",
        ),
        "murphy2024": Reference(
            "Murphy et al., 2024",
            "Murphy A, Zylberberg J, Fyshe A (2024) Correcting biased centered kernel alignment "
            "measures in biological and artificial neural networks. arXiv 2405.01012.",
        ),
        "naselaris2011": Reference(
            "Naselaris et al., 2011",
            "Naselaris T, Kay KN, Nishimoto S, Gallant JL (2011) Encoding and decoding in fMRI. "
            "NeuroImage 56:400-410.",
        ),
        "nichols2002": Reference(
            "Nichols and Holmes, 2002",
            "Nichols TE, Holmes AP (2002) Nonparametric permutation tests for functional "
            "neuroimaging: a primer with examples. Human Brain Mapping 15:1-25.",
        ),
        "nili2014": Reference(
            "Nili et al., 2014",
            "Nili H, Wingfield C, Walther A, Su L, Marslen-Wilson W, Kriegeskorte N (2014) A "
            "toolbox for representational similarity analysis. PLoS Computational Biology "
            "10:e1003553.",
        ),
        "pearson1895": Reference(
            "Pearson, 1895",
            "Pearson K (1895) Note on regression and inheritance in the case of two parents. "
            "Proceedings of the Royal Society of London 58:240-242.",
        ),
        "raghu2017": Reference(
            "Raghu et al., 2017",
            "Raghu M, Gilmer J, Yosinski J, Sohl-Dickstein J (2017) SVCCA: singular vector "
            "canonical correlation analysis for deep learning dynamics and interpretability. "
            "NeurIPS.",
        ),
        "rezghi2022": Reference("Rezghi et al., 2022", "Rezghi M, et al. (2022) arXiv 2210.17442."),
        "schonemann1966": Reference(
            "Schönemann, 1966",
            "Schönemann PH (1966) A generalized solution of the orthogonal Procrustes problem. "
            "Psychometrika 31:1-10.",
        ),
        "schrimpf2018": Reference(
            "Schrimpf et al., 2018",
            "Schrimpf M, Kubilius J, Hong H, et al. (2018) Brain-Score: which artificial neural "
            "network for object recognition is most brain-like? bioRxiv 407007.",
        ),
        "schutt2023": Reference(
            "Schütt et al., 2023",
            "Schütt HH, Kipnis AD, Diedrichsen J, Kriegeskorte N (2023) Statistical inference on "
            "representational geometries. eLife 12:e82566.",
        ),
        "song2012": Reference(
            "Song et al., 2012",
            "Song L, Smola A, Gretton A, Bedo J, Borgwardt K (2012) Feature selection via "
            "dependence maximization. Journal of Machine Learning Research 13:1393-1434.",
        ),
        "spearman1904": Reference(
            "Spearman, 1904",
            "Spearman C (1904) The proof and measurement of association between two things. "
            "American Journal of Psychology 15:72-101.",
        ),
        "spearman1910": Reference(
            "Spearman, 1910",
            "Spearman C (1910) Correlation calculated from faulty data. British Journal of "
            "Psychology 3:271-295.",
        ),
        "walther2016": Reference(
            "Walther et al., 2016",
            "Walther A, Nili H, Ejaz N, Alink A, Kriegeskorte N, Diedrichsen J (2016) Reliability "
            "of dissimilarity measures for multi-voxel pattern analysis. NeuroImage 137:188-200.",
        ),
        "williams2021": Reference(
            "Williams et al., 2021",
            "Williams AH, Kunz E, Kornblith S, Linderman SW (2021) Generalized shape metrics on "
            "neural representations. NeurIPS.",
        ),
        "wold1975": Reference(
            "Wold, 1975",
            "Wold H (1975) Soft modelling by latent variables: the non-linear iterative partial "
            "least squares (NIPALS) approach. Journal of Applied Probability 12(S1):117-142.",
        ),
    }
)

_CITATION = re.compile(r"\[(@[a-z0-9]+(?:; @[a-z0-9]+)*)\]")


def cited(texts: Iterable[str]) -> list[str]:
    """Keys of all that is cited, sorted as a list of references is.

    Args:
        texts: sentences with citations such as "[@nili2014; @schutt2023]".

    Returns:
        Keys in `REFERENCES`.

    Raises:
        ValueError: if there is no such key.

    >>> cited(["Ceilings [@spearman1910; @nili2014]."])
    ['nili2014', 'spearman1910']
    """
    keys = {key for text in texts for part in parts_of(text) for key in part[1]}
    return sorted(keys, key=lambda key: REFERENCES[key].entry)


def parts_of(text: str) -> list[tuple[str, list[str]]]:
    """A sentence, cut where it cites.

    Args:
        text: sentence with citations such as "[@nili2014]".

    Returns:
        Stretches of text, each with the keys cited right after it.

    Raises:
        ValueError: if there is no such key.

    >>> parts_of("Ceilings [@nili2014].")
    [('Ceilings ', ['nili2014']), ('.', [])]
    """
    pieces = _CITATION.split(text)
    cites = [[key.strip(" @") for key in piece.split(";")] for piece in pieces[1::2]]
    unknown = sorted({key for keys in cites for key in keys} - set(REFERENCES))
    if unknown:
        raise ValueError(f"`methods` must cite keys of {sorted(REFERENCES)}; got {unknown}")
    return list(zip(pieces[::2], [*cites, []], strict=True))
