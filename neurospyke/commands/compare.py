"""`neurospyke compare MODEL BRAIN`: two files of responses, held against each other."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurospyke.commands.manual import say, typed
from neurospyke.commands.running import add_running

if TYPE_CHECKING:
    from neurospyke.compare import Comparison, Inference
    from neurospyke.responses import Responses

_METHODS = ("rsa", "encoding", "alignment")
_WORDS = {
    "missing='drop'": "--missing drop",
    "choose euclidean_rdm": "choose --dissimilarity euclidean",
    "`undefined=`": "--undefined",
    " ('drop' leaves them out)": "",
    "`dissimilarity`": "--dissimilarity",
    "`comparator`": "--comparator",
    " or a function; got": "; got",
    "which says what was shown": "which says what was shown (another one: --stimulus COLUMN)",
}
_DESCRIPTION = """\
Compare responses of models with those of a brain to the same stimuli, matched by their labels, and
print score, interval, noise ceiling and p. Noise ceilings need repetitions in BRAIN."""
_EPILOG = """\
comes out, on standard output:
  a row a model with score, interval, noise ceiling and p; all columns with --csv, figures and
  methods with --report

files:
  .npz          what respond writes, and Responses.save in Python
  .csv, .tsv    a trial a row: a column `stimulus`, and a column of numbers a unit; where columns
                start with "unit", only these are units

examples:
  neurospyke compare shown/pool2.npz counts.csv
  neurospyke compare shown/pool1.npz shown/pool2.npz counts.csv --undefined 1 --report v4.html
  neurospyke compare alexnet.csv counts.csv --method encoding --csv scores.csv
"""


def add_compare(commands: Any) -> None:
    """Add the command to those of a parser.

    Args:
        commands: what `add_subparsers` gave.
    """
    compare = commands.add_parser(
        "compare",
        help="responses of models and of a brain, from files",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    compare.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="one or more files")
    compare.add_argument("brain", type=Path, metavar="BRAIN", help="the last file")
    compare.add_argument("--method", choices=_METHODS, default="rsa", help="[rsa]")
    compare.add_argument(
        "--dissimilarity", default="correlation", metavar="NAME", help="of rsa [correlation]"
    )
    compare.add_argument(
        "--undefined", type=float, metavar="D", help="correlation distance of silent patterns"
    )
    compare.add_argument(
        "--comparator", default="spearman", metavar="NAME", help="of rsa [spearman]"
    )
    compare.add_argument(
        "--measure", default="debiased_cka", metavar="NAME", help="of alignment [debiased_cka]"
    )
    compare.add_argument(
        "--stimulus", default="stimulus", metavar="COLUMN", help="of tables [stimulus]"
    )
    compare.add_argument(
        "--missing",
        choices=("error", "drop"),
        default="error",
        help="stimuli that one side lacks: refuse, or leave them out of rsa [error]",
    )
    compare.add_argument("--csv", type=Path, metavar="FILE", help="write all scores")
    compare.add_argument("--report", type=Path, metavar="FILE", help="write a report (.html)")
    add_running(compare, seed="resampling", device=False)
    compare.set_defaults(run=run_compare, error_words=_WORDS)


def run_compare(options: argparse.Namespace, command: str) -> None:
    """Compare, print and write.

    Args:
        options: what `add_compare` understood.
        command: the command as it was given.

    Raises:
        ValueError: if a file is refused, or the sides do not match.
    """
    _check(options)
    from neurospyke.compare import Inference, comparison_table
    from neurospyke.storage import whole_file
    from neurospyke.study import read_responses

    brain = read_responses(options.brain, stimulus=options.stimulus)
    names = _names(options.models)
    models = {
        name: read_responses(path, stimulus=options.stimulus)
        for name, path in zip(names, options.models, strict=True)
    }
    found = _compare(options, models, brain)
    comparisons = found.comparisons if isinstance(found, Inference) else found
    table = comparison_table(comparisons)
    if not options.quiet:
        say(_shown(table))
    if options.csv is not None:
        with whole_file(options.csv) as temporary:
            table.to_csv(temporary, index=False)
    if options.report is not None:
        _write(options, command, found, {**models, options.brain.stem: brain})


def _check(options: argparse.Namespace) -> None:
    if options.undefined is not None and options.dissimilarity not in ("correlation", "cosine"):
        raise ValueError("--undefined must go with --dissimilarity correlation or cosine")
    for name, path in (("--csv", options.csv), ("--report", options.report)):
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"{name} must be in an existing folder; got {path}")
    if options.report is not None and options.report.suffix != ".html":
        raise ValueError(f"--report must end in .html; got {options.report}")


def _names(paths: list[Path]) -> list[str]:
    """Files of one name are told apart by their folders."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]


def _compare(
    options: argparse.Namespace, models: "dict[str, Responses]", brain: "Responses"
) -> "Inference | list[Comparison]":
    from functools import partial

    from neurospyke.compare import DISSIMILARITIES, alignment, encoding, rsa

    if options.method == "encoding":
        return list(encoding(models, brain, seed=options.seed).comparisons.values())
    if options.method == "alignment":
        given: dict[str, Any] = {"measure": options.measure, "seed": options.seed}
        return list(alignment(models, brain, **given).values())
    kind: Any = options.dissimilarity
    if options.undefined is not None:
        compute: Any = DISSIMILARITIES[kind]
        kind = partial(compute, undefined=options.undefined)
    return rsa(
        models,
        brain,
        dissimilarity=kind,
        comparator=options.comparator,
        missing=options.missing,
        brain_name=options.brain.stem,
        seed=options.seed,
    )


def _shown(table: Any) -> str:
    columns = ["method", "model", "brain", "score", "interval_low", "interval_high"]
    columns += ["ceiling_low", "ceiling_high", "p", "n_conditions"]
    return table[columns].round(4).to_string(index=False, na_rep="-")


def _write(options: argparse.Namespace, command: str, found: Any, data: Any) -> None:
    from neurospyke.report import write_report

    report = write_report(
        options.report,
        found,
        data=data,
        inputs=[*options.models, options.brain],
        seed=options.seed,
        command=command,
    )
    if not options.quiet:
        say(f"The report is in {typed([str(report.resolve())])}")
