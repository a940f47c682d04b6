from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurospyke.cli import main
from neurospyke.compare import rsa
from neurospyke.report import read_provenance
from neurospyke.study import read_responses
from tests.commands.test_report import folder

__all__ = ["folder"]


def columns(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_two_files_give_the_score_of_the_same_call(folder: Path, capsys):
    scores = folder / "scores.csv"
    files = [str(folder / "model.csv"), str(folder / "brain.csv")]
    assert main(["compare", *files, "--csv", str(scores), "--seed", "3"]) == 0
    header, row = columns(capsys.readouterr().out)
    shown = dict(zip(header, row, strict=True))
    model, brain = (read_responses(path) for path in files)
    result = rsa(model, brain, seed=3)
    assert (shown["model"], shown["brain"]) == ("model", "brain")
    assert float(shown["score"]) == pytest.approx(result.score, abs=5e-5)
    assert pd.read_csv(scores)["score"].item() == pytest.approx(result.score, abs=1e-12)


def test_saved_responses_and_several_models_make_a_report(folder: Path, capsys):
    model = read_responses(folder / "model.csv")
    for name in ("first", "second"):
        (folder / name).mkdir()
        model.save(folder / name / "pool1.npz")
    files = [str(folder / name / "pool1.npz") for name in ("first", "second")]
    report = folder / "report.html"
    command = ["compare", *files, str(folder / "brain.csv"), "--report", str(report)]
    assert main([*command, "--method", "alignment", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    found = read_provenance(report)
    assert [row["model"] for row in found["scores"]] == files
    assert len({row["score"] for row in found["scores"]}) == 1
    assert len(found["inputs"]) == 3


def test_encoding_needs_no_choice(folder: Path, capsys):
    table = pd.concat([pd.read_csv(folder / "model.csv")] * 2, ignore_index=True)
    table["stimulus"] = [f"t{number}" for number in range(len(table))]
    generator = np.random.default_rng(1)
    table = pd.concat([table, table.assign(stimulus=[f"u{n}" for n in range(len(table))])])
    table["unit0"] = generator.poisson(9, len(table))
    table.to_csv(folder / "many.csv", index=False)
    many = str(folder / "many.csv")
    assert main(["compare", many, many, "--method", "encoding"]) == 0
    (_, row) = columns(capsys.readouterr().out)
    assert float(row[3]) > 0.99


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent.csv", "brain.csv"], "absent.csv"),
        (
            ["model.csv", "brain.csv", "--undefined", "1", "--dissimilarity", "poisson"],
            "--undefined",
        ),
        (["model.csv", "brain.csv", "--report", "report.pdf"], "--report must end in .html"),
        (["model.csv", "brain.csv", "--csv", "no/scores.csv"], "--csv must be in an existing"),
        (["model.csv", "brain.csv", "--comparator", "sperman"], "--comparator must be one of"),
        (["model.csv", "brain.csv", "--dissimilarity", "l2"], "'decoding']; got 'l2'"),
        (["silent.csv", "brain.csv"], "choose --dissimilarity euclidean, or say with --undefined"),
        (["model.csv", "brain.csv", "--stimulus", "image"], "another one: --stimulus COLUMN"),
        (["model.csv"], "required: BRAIN"),
    ],
)
def test_what_does_not_fit_is_one_line(folder: Path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(folder)
    silent = pd.read_csv("model.csv")
    silent.loc[0, silent.columns != "stimulus"] = 0
    silent.to_csv("silent.csv", index=False)
    try:
        code = main(["compare", *words])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert message in captured.err
