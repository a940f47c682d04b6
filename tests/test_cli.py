"""What all commands have in common: help that teaches, exit codes, one-line errors, quick start."""

import importlib
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from neurospyke import __version__, cli
from neurospyke.cli import build_parser, main

COMMANDS = re.findall(
    r"^  ([a-z]+) {2,}\S", build_parser().format_help().partition("options:")[0], re.MULTILINE
)
HEAVY = (
    *("numpy", "scipy", "pandas", "torch", "matplotlib", "seaborn", "neo", "quantities", "pynwb"),
    *("h5py", "elephant", "numba", "sklearn", "PIL", "jinja2", "safetensors", "tqdm"),
)


@pytest.fixture
def act(monkeypatch):
    """Let `neurospyke act ...` do whatever a test says."""

    def make(action):
        def add_act(commands):
            parser = commands.add_parser("act", help="act")
            parser.add_argument("words", nargs="*")
            parser.set_defaults(run=action)

        monkeypatch.setattr(cli, "_COMMANDS", (("test", (add_act,)),))

    return make


def raising(error):
    def run(options, command):
        raise error

    return run


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"neurospyke {__version__}\n"


def test_commands_are_listed_in_the_order_of_a_study(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    out = capsys.readouterr().out
    assert len(COMMANDS) >= 6
    order = [
        name for name in ("inspect", "convert", "train", "respond", "report") if name in COMMANDS
    ]
    assert [name for name in COMMANDS if name in order] == order
    assert all(f"\n  {name} " in out for name in COMMANDS)
    assert "130  interrupted" in out


@pytest.mark.parametrize("names", [[], *([name] for name in COMMANDS)])
def test_help_teaches_by_examples_that_are_understood(names, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([*names, "--help"])
    text = capsys.readouterr().out
    for part in ("usage:", "comes out" if names else "COMMAND", "exit codes:", "examples"):
        assert part in text
    lines = text.partition("examples")[2].replace("\\\n", " ").splitlines()
    examples = [line for line in lines if line.startswith("  ") and "neurospyke " in line]
    assert len(examples) >= 2
    for command in re.findall(r"neurospyke ([^&|)>]+)", "&".join(examples)):
        words = shlex.split(command.rstrip('"'), comments=True)
        # one that the parser does not understand would end the test
        assert callable(build_parser().parse_args(words).run)


def test_no_command_imports_anything_heavy_to_explain_itself():
    program = (
        "import sys, contextlib, io\n"
        "import neurospyke\n"
        "after = set(sys.modules)\n"
        "from neurospyke.cli import main\n"
        f"for words in [[], *([name] for name in {COMMANDS!r})]:\n"
        "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "        main([*words, '--help'])\n"
        f"heavy = {{*{HEAVY!r}, 'argcomplete'}} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert not {'argparse', 'pathlib'} & (after - before), after\n"
    )
    program = "import sys; before = set(sys.modules)\n" + program
    subprocess.run([sys.executable, "-c", program], check=True)


def processor_time(*words):
    """Seconds of processor time of a new interpreter, the least of five."""
    spent = []
    for _ in range(5):
        process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        spent.append(used.ru_utime + used.ru_stime)
    return min(spent)


def test_help_and_import_are_quick():
    assert processor_time("-m", "neurospyke", "--help") < 0.3
    assert processor_time("-c", "import neurospyke") < 0.2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: COMMAND; see neurospyke --help"),
        (["trian"], "invalid choice: 'trian'"),
        (["inspect"], "are required: FILE; see neurospyke inspect --help"),
        (["inspect", "a", "b\n\x1b[2Jc"], r"unrecognized arguments: b \x1b[2Jc"),
        (["demo", "--see", "3"], "unrecognized arguments: --see 3"),
        (["demo", "--seed", "-1"], "--seed: must be a whole number from 0 up; got '-1'"),
        (["demo", "--threads", "0"], "--threads: must be a whole number from 1 up; got '0'"),
        (["train", "rezghi2022", "--out", "a", "--data", "b", "--batch-size", "1.5"], "got '1.5'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("neurospyke")
    assert message in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (
            ValueError("`a` must be b;\n  got\x1b[2J\u202e c"),
            2,
            r"`a` must be b; got\x1b[2J\u202e c",
        ),
        (
            FileNotFoundError(2, "No such file or directory", "a b"),
            2,
            "a b: No such file or directory",
        ),
        (PermissionError(13, "Permission denied", b"\xff"), 2, r"\udcff: Permission denied"),
        (
            ConnectionError("the address could not be reached"),
            1,
            "the address could not be reached",
        ),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (MemoryError(), 1, "not enough memory"),
        (ImportError("this needs pynwb"), 1, "this needs pynwb"),
    ],
)
def test_errors_are_one_line_with_the_code_of_their_kind(act, capsys, error, code, line):
    act(raising(error))
    assert main(["act"]) == code
    assert capsys.readouterr() == ("", f"neurospyke: {line}\n")


@pytest.mark.parametrize(
    "error", [AssertionError("never"), ImportError("cannot import name 'a'", name="neurospyke")]
)
def test_a_fault_of_our_own_shows_where_it_is(act, error):
    act(raising(error))
    with pytest.raises(type(error), match=str(error)):
        main(["act"])


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_an_interruption_tells_how_to_go_on(act, capsys, name, code):
    number = getattr(signal, name)
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)]
    tidied = []

    def run(options, command):
        try:
            signal.raise_signal(number)
            threading.Event().wait(10)
        except KeyboardInterrupt as interrupt:
            tidied.append(name)
            interrupt.add_note(f"to go on: {command}")
            raise

    act(run)
    taken = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(["act", "my  file"]) == code
    finally:
        signal.signal(signal.SIGINT, taken)
    assert tidied == [name]
    assert (
        capsys.readouterr().err == "neurospyke: interrupted; to go on: neurospyke act 'my  file'\n"
    )
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)] == before


def test_modules_that_swallow_an_interruption_are_waited_for(act, tmp_path, monkeypatch, capsys):
    for name, times in (("swallowing_one", 1), ("swallowing_two", 2)):
        (tmp_path / f"{name}.py").write_text(
            "import signal\n"
            "swallowed = 0\n"
            f"for _ in range({times}):\n"
            "    try:\n"
            "        signal.raise_signal(signal.SIGTERM)\n"
            "    except BaseException:\n"
            "        swallowed += 1\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    seen = []

    def run(options, command):
        seen.append(importlib.import_module(options.words[0]).swallowed)
        threading.Event().wait(10)

    act(run)
    assert main(["act", "swallowing_one"]) == 143
    # who asks twice does not wait
    assert main(["act", "swallowing_two"]) == 143
    assert seen == [0, 1]
    told = "neurospyke: interrupted; the same command may be given again\n"
    assert capsys.readouterr().err == 2 * told


def test_what_is_ignored_on_purpose_stays_ignored(act):
    def run(options, command):
        signal.raise_signal(signal.SIGHUP)

    act(run)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert main(["act"]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_commands_run_in_any_thread(act):
    codes = []
    act(lambda options, command: codes.append("ran"))
    thread = threading.Thread(target=lambda: codes.append(main(["act"])))
    thread.start()
    thread.join()
    assert codes == ["ran", 0]


def run(*words, stdout):
    """A command in a process of its own, whose output is buffered as usual."""
    return subprocess.run(
        [sys.executable, "-m", "neurospyke", *words],
        env={key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"},
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )


def test_a_reader_that_has_enough_and_a_full_disk_end_it_without_noise():
    reading, writing = os.pipe()
    os.close(reading)
    done = run("completion", "bash", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
    with Path("/dev/full").open("w") as full:
        done = run("completion", "bash", stdout=full)
    assert (done.returncode, done.stderr) == (1, b"neurospyke: No space left on device\n")


@pytest.mark.parametrize(
    "name",
    [b"two  blanks.npz", b"line\nbreak.npz", b"\xff\xfe.npz", b"-leading.npz", "ü.npz".encode()],
)
def test_names_of_files_are_told_as_they_can_be_typed(act, capfd, tmp_path, monkeypatch, name):
    """What is told is given to a shell, which must see the same bytes."""
    commands = []
    act(lambda options, command: commands.append(command))
    word = os.fsdecode(name)
    assert main(["act", "--", word]) == 0
    assert "\n" not in commands[0]
    echoed = commands[0].replace("neurospyke act --", "printf %s", 1)
    assert subprocess.run(["bash", "-c", echoed], capture_output=True, check=True).stdout == name
