"""Every key that does not fit is named, with what was expected, what came, what is near."""

from pathlib import Path

import pytest

from neurospyke.study import parse_study
from neurospyke.study.keys import Keys

WHOLE = """
seed = 3
[stimuli]
images = "images"
[responses]
file = "counts.csv"
[network]
model = "kheradpisheh2018"
[network.training]
epochs = 2
[[comparison]]
method = "rsa"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "counts.csv").write_text("stimulus,a\nface,1\n")
    (tmp_path / "session.nwb").touch()
    return tmp_path


def test_the_whole_is_understood_without_reading_data(folder):
    study = parse_study(WHOLE, folder)
    assert study.seed == 3
    assert study.inputs == {"counts.csv": folder / "counts.csv", "images": folder / "images"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 3", "sead = 3", "`sead` is not a key of a study; did you mean `seed`?"),
        ("seed = 3", "seed = 3.5", "`seed` must be a whole number from 0 up; got 3.5"),
        ("seed = 3", "seed = true", "`seed` must be a whole number from 0 up; got True"),
        ("epochs", "epoch", "`network.training.epoch` is not a key of [network.training]; did"),
        ("= 2", '= "two"', "`network.training.epochs` must be a whole number from 1 up; got 'two'"),
        ("epochs = 2", "rates = 0", "`network.training.rates` must be a number above 0; got 0"),
        ("epochs = 2", "shuffled = 1", "`network.training.shuffled` must be true or false; got 1"),
        ("2018", "2081", "`network.model` must be one of 'kheradpisheh2018'"),
        ("2018", "2081", "did you mean 'kheradpisheh2018'?"),
        ('method = "rsa"', 'method = "rsb"', "`comparison 1.method` must be one of 'rsa'"),
        ('method = "rsa"', "n_bootstrap = 9", "`comparison 1.method` must be given"),
        ('"rsa"', '"rsa"\nmapping = "pls"', "`comparison 1.mapping` is not a key of"),
        ('"rsa"', '"rsa"\ncomparator = "spaerman"', "did you mean 'spearman'?"),
        ('"rsa"', '"rsa"\nmodels = 3', "`comparison 1.models` must be a list of texts; got 3"),
        ('"rsa"', '"rsa"\nsteps = [0]', "must be a list of whole numbers from 1 up; got [0]"),
        ('"rsa"', '"rsa"\nsteps = [1]\ntime_bins = true', "one of `time_bins` and `steps`"),
        (
            '"rsa"',
            '"rsa"\nundefined = 1\ndissimilarity = "poisson"',
            "`comparison 1.undefined` must go with a dissimilarity of ['correlation', 'cosine']",
        ),
        ('file = "counts.csv"', 'file = "count.csv"', "`responses.file` must be an existing file"),
        ('file = "counts.csv"', "window = [0, 1]", "[responses] must have one of `file` or `data"),
        ('"counts.csv"', '"counts.csv"\nwindow = [1, 0]', "start before stop; got [1, 0]"),
        ('"counts.csv"', '"counts.csv"\nwindow = 1', "[start, stop], two numbers; got 1"),
        ('images = "images"', 'images = "images"\nsize = [3]', "a list of 2 whole numbers"),
        (
            'images = "images"',
            'dataset = "v4_cowley2023"\nsize = [3, 3]',
            "`stimuli.size` must go with `images`; use `pool`",
        ),
        ("[stimuli]", "[align]\n[stimuli]", "[align] must go with [recording]"),
        ("[responses]\n", "[brain]\n", "`brain.file` is not a key of [brain]"),
        ('[stimuli]\nimages = "images"', "", "must have [stimuli], the images they see"),
        ('[[comparison]]\nmethod = "rsa"', "", "a study must have at least one [[comparison]]"),
        ("[[comparison]]", "[comparison]", "a study must have at least one [[comparison]]"),
        ("seed = 3", "seed =", "the configuration must be TOML: Invalid value"),
        ("seed = 3", "network = 3", "TOML"),
        (
            '[responses]\nfile = "counts.csv"',
            '[recording]\nfile = "session.nwb"',
            "[recording] must come with [align]",
        ),
        (
            '[responses]\nfile = "counts.csv"',
            "",
            "a study must have one of [recording] and [responses]",
        ),
        (
            '[network]\nmodel = "kheradpisheh2018"\n[network.training]\nepochs = 2',
            "",
            "a study must have a [network], or `baselines` or `files` in [models]",
        ),
    ],
)
def test_what_does_not_fit_is_named(folder, old, new, message):
    assert old in WHOLE
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is looked at below
        parse_study(WHOLE.replace(old, new), folder)
    assert message in str(refused.value)


def test_a_recording_is_understood(folder):
    recording = """
    [recording]
    file = "session.nwb"
    codes = { 1 = "on" }
    fields = { spike_times = "spikes", per_second = 1000 }
    observed = [0, 9]
    [align]
    trials = "trials"
    window = [0.07, 0.17]
    bin_width = 0.02
    [models]
    files = { other = "counts.csv" }
    [[comparison]]
    method = "alignment"
    """
    study = parse_study(recording, folder)
    assert list(study.inputs) == ["session.nwb", "counts.csv"]
    wrong = recording.replace('"on"', "5")
    with pytest.raises(ValueError, match=r"`recording.codes` must be a table of texts"):
        parse_study(wrong, folder)


def test_a_table_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"`network` must be a table, \[network\]; got 3"):
        Keys({"network": 3}, "", ["network"]).section("network", ["model"])
