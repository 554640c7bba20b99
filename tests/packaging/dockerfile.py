"""A Dockerfile as data: stages and steps. Only what ours uses; anything else is an error."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = {
    "ARG", "FROM", "RUN", "COPY", "WORKDIR", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
    "HEALTHCHECK", "ENTRYPOINT", "CMD", "LABEL",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One instruction and the rest of its line, continuations joined."""

    verb: str
    rest: str


@dataclass
class Stage:
    """What follows one FROM."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)

    def last(self, verb: str) -> str:
        """The rest of the last step of a kind; the one that counts."""
        return next(step.rest for step in reversed(self.steps) if step.verb == verb)

    def argv(self, verb: str) -> list[str]:
        """The words of a step in exec form."""
        words: list[str] = json.loads(self.last(verb))
        return words


def parse(path: Path) -> list[Stage]:
    """The stages of a Dockerfile, global arguments filled in."""
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", path.read_text(encoding="utf-8")))
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in filter(str.strip, text.splitlines()):
        verb, _, rest = line.strip().partition(" ")
        assert verb in KNOWN, f"tests/packaging does not know {verb}"
        if verb == "ARG" and not stages:
            name, _, value = rest.partition("=")
            arguments[name] = value
        elif verb == "FROM":
            base, name = re.fullmatch(r"(\S+) AS (\S+)", rest).groups()  # type: ignore[union-attr]
            stages.append(Stage(expanded(base, arguments), name))
        else:
            stages[-1].steps.append(Step(verb, " ".join(rest.split())))
    return stages


def expanded(text: str, variables: dict[str, str]) -> str:
    """`$NAME` and `${NAME}` replaced."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: variables[found[1]], text)


def assignments(rest: str, variables: dict[str, str]) -> dict[str, str]:
    """The pairs of an ENV step."""
    pairs = (word.partition("=") for word in shlex.split(rest))
    return {name: expanded(value, variables) for name, _, value in pairs}
