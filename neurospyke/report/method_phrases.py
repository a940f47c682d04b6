"""What dissimilarities, comparators, measures and maps are called in a methods section."""

from collections.abc import Mapping
from types import MappingProxyType

DISSIMILARITIES: Mapping[str, str] = MappingProxyType(
    {
        "euclidean": "squared Euclidean distances of mean patterns, divided by their length "
        "[@walther2016]",
        "correlation": "correlation distances, 1 - r of mean patterns [@kriegeskorte2008]",
        "cosine": "cosine distances, 1 - cos of mean patterns [@kriegeskorte2019]",
        "mahalanobis": "squared Mahalanobis distances under the noise of single trials "
        "[@walther2016]",
        "crossnobis": "crossnobis distances, squared Mahalanobis distances cross-validated over "
        "repetitions [@walther2016]",
        "crossnobis, no noise": "squared Euclidean distances, cross-validated over repetitions "
        "[@walther2016]",
        "poisson": "symmetric Kullback-Leibler divergences of Poisson rates [@schutt2023]",
        "crossvalidated poisson": "symmetric Kullback-Leibler divergences of Poisson rates, "
        "cross-validated over repetitions [@schutt2023]",
        "decoding accuracy": "accuracies of telling two conditions apart in trials held out "
        "[@cichy2014]",
    }
)
COMPARATORS: Mapping[str, str] = MappingProxyType(
    {
        "cosine": "the cosine [@diedrichsen2017]",
        "pearson": "Pearson's correlation [@pearson1895]",
        "spearman": "Spearman's rank correlation [@spearman1904]",
        "rho_a": "Spearman's rho-a, which expects random order where there are ties [@schutt2023]",
        "tau_a": "Kendall's tau-a [@kendall1938; @nili2014]",
        "tau_b": "Kendall's tau-b [@kendall1945]",
        "whitened_cosine": "the whitened cosine [@diedrichsen2021]",
        "whitened_pearson": "the whitened correlation [@diedrichsen2021]",
        "bures": "the normalized Bures similarity [@harvey2024]",
    }
)
MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "linear_cka": "linear centred kernel alignment [@kornblith2019]",
        "rbf_cka": "centred kernel alignment with Gaussian kernels [@kornblith2019]",
        "debiased_cka": "debiased linear centred kernel alignment [@song2012; @murphy2024]",
        "cca": "the mean canonical correlation [@hotelling1936; @raghu2017]",
        "svcca": "SVCCA, the mean canonical correlation of leading components [@raghu2017]",
        "pwcca": "projection-weighted canonical correlation [@morcos2018]",
        "procrustes": "Procrustes shape similarity [@schonemann1966; @williams2021]",
        "regression": "the share of variance that linear regression on the model explains "
        "[@kornblith2019]",
        "mutual_neighbours": "the mean share of nearest neighbours that both sides have in common "
        "[@huh2024]",
        "permutation": "similarity under the best matching of single units [@williams2021]",
    }
)
MAPPINGS: Mapping[str, str] = MappingProxyType(
    {
        "ridge": "ridge regression, its penalty chosen for each unit by leaving out single "
        "training conditions [@hoerl1970]",
        "pls": "partial least squares [@wold1975; @schrimpf2018]",
    }
)
