"""`neurospyke completion`: shells complete what the parser knows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from neurospyke.cli import main

LINES = {
    "neurospyke con": "convert",
    "neurospyke respond --me": "--measure",
    "neurospyke train rezghi2022 --data some --o": "--online --out --overwrite",
    "neurospyke respond --measure s": "spike",
    "neurospyke inspect fol": "folder/",
}
# what each shell does between lines of a person and the Tab key
TAB = {
    "bash": """eval "$(neurospyke completion bash)"
for line; do
    COMP_LINE="$line" COMP_POINT=${#line} COMP_TYPE=9 COMPREPLY=()
    _python_argcomplete neurospyke
    printf "%s\\n" "${COMPREPLY[@]}" @@
done""",
    "fish": """neurospyke completion fish | source
for line in $argv
    complete -C "$line"
    echo @@
end""",
    # zsh completes in its editor only: there its script is loaded, and asks what bash asks
    "zsh": """autoload -Uz compinit && compinit -D -u
eval "$(neurospyke completion zsh)"
_describe() { print -l -- ${(P)2} }
words=(neurospyke)
for line; do
    BUFFER="$line" CURSOR=${#line}
    _python_argcomplete
    echo @@
done""",
}
FLAGS = {"bash": ["--norc", "-c"], "fish": ["--no-config", "-c"], "zsh": ["-f", "-c"]}


@pytest.mark.parametrize("shell", TAB)
def test_the_tab_key_completes(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "folder").mkdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # the first word after the program is the name of the shell itself, but for fish
    named = [] if shell == "fish" else [shell]
    done = subprocess.run(
        [shell, *FLAGS[shell], TAB[shell], *named, *LINES],
        cwd=tmp_path,
        env=os.environ | {"PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    offers = done.stdout.split("@@\n")[:-1]
    words = [
        sorted(line.split("\t")[0].partition(":")[0] for line in each.split("\n"))
        for each in offers
    ]
    found = [" ".join(word.strip() for word in each if word) for each in words]
    assert dict(zip(LINES, found, strict=True)) == LINES, done.stderr


def test_other_shells_are_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["completion", "cmd"])
    assert "invalid choice: 'cmd' (choose from 'bash', 'zsh', 'fish')" in capsys.readouterr().err
