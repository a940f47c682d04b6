"""Public data sets by name: fetched once, checked every time, with licence and citation."""

from neurospyke.datasets.cowley2023 import read_v4_cowley2023
from neurospyke.datasets.cramer2020 import read_speech_cramer2020
from neurospyke.datasets.event_lists import EventLists, read_hdf5_events, read_zipped_events
from neurospyke.datasets.fetch import fetch_dataset
from neurospyke.datasets.kriegeskorte2008 import Rsa92, read_rsa92
from neurospyke.datasets.laguna1997 import read_ecg_laguna1997
from neurospyke.datasets.mnist import read_fashion_mnist, read_mnist
from neurospyke.datasets.onken2016 import read_retina_onken2016
from neurospyke.datasets.orchard2015 import read_nmnist_orchard2015
from neurospyke.datasets.photographs import read_natural_patches
from neurospyke.datasets.registry import list_datasets
from neurospyke.datasets.zhang2011 import read_it_zhang2011

__all__ = [
    "EventLists",
    "Rsa92",
    "fetch_dataset",
    "list_datasets",
    "read_ecg_laguna1997",
    "read_fashion_mnist",
    "read_hdf5_events",
    "read_it_zhang2011",
    "read_mnist",
    "read_natural_patches",
    "read_nmnist_orchard2015",
    "read_retina_onken2016",
    "read_rsa92",
    "read_speech_cramer2020",
    "read_v4_cowley2023",
    "read_zipped_events",
]
