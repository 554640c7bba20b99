"""`vidgate completion`: what a shell needs to complete our commands."""

import sys
from typing import Annotated, Literal

from vidgate.cli import next_steps, output
from vidgate.cli.main import application
from vidgate.cli.options import option

OK = 0
ShellWord = Literal["bash", "zsh", "fish"]
USE: dict[ShellWord, str] = {
    "bash": "source <(vidgate completion bash)    # ~/.bashrc",
    "zsh": 'vidgate completion zsh > "${fpath[1]}/_vidgate"',
    "fish": "vidgate completion fish > ~/.config/fish/completions/vidgate.fish",
}


def completion(
    shell: Annotated[ShellWord, option("如 source <(vidgate completion bash)")],
    /,
) -> int:
    """Print the script that completes commands and options in a shell."""
    output.say(application().generate_completion(prog_name="vidgate", shell=shell).rstrip("\n"))
    # In a start-up file it must be silent: who sees the script has not put it anywhere yet.
    if sys.stdout.isatty():
        output.note(f"用法 use: {USE[shell]}")
        next_steps.tell("completion")
    return OK
