from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurospyke.cli import main
from neurospyke.report import read_provenance

STUDY = """
[responses]
file = "brain.csv"
[models]
files = { model = "model.csv" }
[[comparison]]
method = "rsa"
n_bootstrap = 20
n_permutations = 9
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    stimuli = [f"s{number}" for number in range(12)]
    means = generator.gamma(2.0, 4.0, (12, 5))
    for name, repeats in (("brain", 4), ("model", 1)):
        counts = generator.poisson(np.tile(means, (repeats, 1)))
        columns = {f"unit{unit}": counts[:, unit] for unit in range(5)}
        table = pd.DataFrame({"stimulus": stimuli * repeats} | columns)
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


def test_a_study_is_run_and_done_again(folder, capsys):
    assert main(["report", str(folder / "study.toml")]) == 0
    report = folder / "study" / "report.html"
    assert capsys.readouterr().out == f"The report is in {report.resolve()}\n"
    command = read_provenance(report)["command"]
    assert command == f"neurospyke report {folder / 'study.toml'}"
    assert main(["report", "--again", str(report)]) == 0
    out = capsys.readouterr().out
    assert "All 2 comparisons are the same again" in out
    assert (folder / "study-again" / "scores.csv").is_file()


def test_numbers_that_are_not_the_same_again_are_an_error_that_names_the_cause(folder, capsys):
    assert main(["report", str(folder / "study.toml"), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    table = pd.read_csv(folder / "model.csv")
    table.assign(unit0=table["unit0"][::-1].to_numpy()).to_csv(folder / "model.csv", index=False)
    again = ["report", "--again", str(folder / "study" / "report.html"), "--quiet"]
    assert main([*again, "--out", str(folder / "other")]) == 2
    captured = capsys.readouterr()
    assert "must give the same numbers again; rsa of model with" in captured.err
    assert "model.csv has changed" in captured.err


def test_the_example_can_be_printed_and_what_is_missing_is_one_line(folder, capsys):
    assert main(["report", "--example"]) == 0
    out = capsys.readouterr().out
    (folder / "example.toml").write_text(out)
    assert main(["report", str(folder / "example.toml")]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "`stimuli.images` must be an existing file or folder" in captured.err
    assert main(["report", str(folder / "study.toml"), "--from", str(folder)]) == 2
    assert "--from must go with --again" in capsys.readouterr().err


def test_another_seed_goes_before_that_of_the_study(folder):
    assert main(["report", str(folder / "study.toml"), "--seed", "7", "--quiet"]) == 0
    assert read_provenance(folder / "study" / "report.html")["seed"] == 7


def test_what_does_not_fit_is_told_in_the_keys_of_the_study(folder, capsys):
    study = ["report", str(folder / "study.toml"), "--quiet"]
    table = pd.read_csv(folder / "model.csv")
    table[:10].to_csv(folder / "model.csv", index=False)
    assert main(study) == 2
    assert 'keep the shared ones with missing = "drop" in [[comparison]]' in capsys.readouterr().err
    table.loc[0, table.columns != "stimulus"] = 0
    table.to_csv(folder / "model.csv", index=False)
    assert main(study) == 2
    told = 'dissimilarity = "euclidean", or say with undefined = 1.0 in [[comparison]]'
    assert told in capsys.readouterr().err
    assert main([*study, "--out", str(folder / "no" / "where")]) == 2
    assert "--out must be in an existing folder" in capsys.readouterr().err
    assert main(["report", str(folder / "absent.toml")]) == 2
    assert "must be an existing TOML file" in capsys.readouterr().err
