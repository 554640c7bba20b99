"""Search keys of Chinese names. Runs in a worker: the dictionary of pypinyin takes 30 MiB."""

from collections.abc import Iterable

# Characters with a second reading that occurs in names of places and posts. Each of the readings
# gives the initials one more form; archaic readings of other characters would only add noise.
POLYPHONES = frozenset(
    "长重行乐单曾朝藏都厦盛调校降解尉会车角堡埔圩六番弹省宿盖区查仇翟折便传参屏沈泊浒涌吓系奇俞率"
    "铅洞汤种澄乘粘句缪大叶石洗华任尹那纪贾覃冼逄隗员蕃洪炮畜秘模强石莘召柏什思卜说划观载藉"
)
MOST_FORMS = 8


def pinyin_keys(names: Iterable[str]) -> dict[str, str]:
    """For each name: its initials, further initials where a character has two, then all in full.

    城关镇 gives `cgz chengguanzhen`, 重庆路 `cql zql chongqinglu`; letters and digits stay.
    """
    from pypinyin import Style, lazy_pinyin, pinyin  # noqa: PLC0415 - only the worker needs it

    def readings(character: str) -> list[str]:
        return pinyin(character, style=Style.NORMAL, heteronym=True)[0]

    alternatives = {
        character: {reading[0] for reading in readings(character)} for character in POLYPHONES
    }
    return {name: _keys(name, lazy_pinyin(name), alternatives) for name in names}


def _keys(name: str, syllables: list[str], alternatives: dict[str, set[str]]) -> str:
    """`syllables` has one entry a Chinese character and one a run of anything else."""
    initials: list[str] = []
    full: list[str] = []
    seconds: list[tuple[int, str]] = []
    rest = iter(name)
    for syllable in syllables:
        word = _letters(syllable)
        character = next(rest, "")
        if _is_chinese(character):
            others = alternatives.get(character, set()) - {word[:1]}
            seconds += [(len(initials), other) for other in sorted(others)]
            initials.append(word[:1])
        else:
            for _ in range(len(syllable) - 1):
                next(rest, "")
            initials += word
        full.append(word)
    forms = ["".join(initials)]
    for index, other in seconds[: MOST_FORMS - 1]:
        forms.append("".join([*initials[:index], other, *initials[index + 1 :]]))
    return " ".join(dict.fromkeys(filter(None, [*forms, "".join(full)])))


def _is_chinese(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff"


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum() and c.isascii())
