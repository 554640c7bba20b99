"""The sample register: rows as an engineer would be given them, in the real proportions.

2,264 public-security cameras behind 12 platform hosts by path, 244 of the emergency bureau behind
30, 235 campus cameras on one address each; scaled for other sizes. After the delivered rows come
some `planned` ones, which have no address yet.
"""

import csv
import io
import random
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from python_calamine import CalamineError, load_workbook

from vidgate.errors import InputError

PORT = 10554
CHANNELS = 2743
DECLARED = ("declared_status", "declared_codec", "declared_resolution", "declared_fps")
COLUMNS = (
    "id", "name", "gb_code", "kind", "url", "sub_url", "platform", "department", "area",
    "point_class", "industry", "longitude", "latitude", "lifecycle", "tags", "enabled",
    *DECLARED,
)  # fmt: skip
MAX_CHANNELS = (1 << 14) - 1  # what a coded picture can number
MAX_FILE = 64 << 20
H265_SHARE = 0.25
H265_FROM = 100  # none of the first hundred has an H.265 main stream
CITY = "430489"
LIES = 0.02  # of what is declared

Row = dict[str, str]

_TOWNS = (
    "城关镇", "东湖街道", "南塘街道", "北门街道", "三眼桥镇", "石坝镇", "白沙镇", "永和镇",
    "大义镇", "龙形镇", "亮源镇", "黄市镇", "小水铺镇", "公坪镇", "竹市镇", "仁义乡",
    "南阳镇", "夏塘镇", "导子镇", "马水镇",
)  # fmt: skip
_ROADS = (
    "人民路", "解放路", "五一路", "滨河路", "神农大道", "朝阳路", "建设路", "城北路", "德泰路",
    "金华路", "聚宝路", "西环路", "发明家大道", "迎宾路", "桂园路", "蔡子池路",
)  # fmt: skip
_PLACES = (
    "路口", "红绿灯", "农贸市场", "派出所门前", "汽车站", "广场东侧", "公园北门", "医院门口",
    "加油站旁", "桥头", "村委会", "小区南门", "停车场入口", "银行门前", "高铁站出口",
)  # fmt: skip
_SCHOOLS = ("实验小学", "第一中学", "第二中学", "中心小学", "幼儿园", "职业中专", "思源学校")
_SPOTS = ("校门口", "操场", "教学楼一层", "食堂", "图书馆", "宿舍楼下", "围墙西侧", "报告厅")


@dataclass(frozen=True, slots=True)
class _Group:
    """One origin of channels: how many of the 2,743, behind how many hosts."""

    share: int
    hosts: int  # 0: one address for each channel
    network: int  # second octet of 127.x.y.z
    industry: str
    point_classes: str


_POLICE = _Group(2264, 12, 1, "00", "1122233")
_EMERGENCY = _Group(244, 30, 2, "40", "2333")
_CAMPUS = _Group(235, 0, 3, "11", "23")
_GROUPS = (_POLICE, _EMERGENCY, _CAMPUS)
_PLANNED_SHARE = 57

# The emergency bureau's platform: system, department, where such a camera stands, hosts of the 30.
_SYSTEMS = (
    ("智慧渔业", "农业农村局", ("渔港码头", "水库大坝", "养殖基地", "禁捕水域"), 8),
    ("林业防火", "林业局", ("林场瞭望台", "防火卡口", "山顶云台", "护林点"), 8),
    ("铁塔哨兵", "应急管理局", ("铁塔高点", "尾矿库高点", "河道高点", "矿山高点"), 8),
    ("治超监控", "应急管理局", ("治超站", "国道检测点", "货运源头", "不停车检测点"), 6),
)
_SYSTEM_OF_HOST = [
    (system, department, places, number)
    for system, department, places, hosts in _SYSTEMS
    for number in range(1, hosts + 1)
]


def generate(channels: int = CHANNELS, seed: int = 1, port: int = PORT) -> list[Row]:
    """`channels` delivered rows and the planned ones, the same for the same arguments.

    Raises InputError for a number outside 1..16383.
    """
    if not 1 <= channels <= MAX_CHANNELS:
        raise InputError(f"channels must be from 1 to {MAX_CHANNELS}, not {channels}")
    maker = _Maker(random.Random(seed), port)
    rows: list[Row] = []
    for group, count in zip(_GROUPS, _shares(channels), strict=True):
        rows += (maker.row(group, index) for index in range(count))
    candidates = range(H265_FROM, channels)
    count = min(round(channels * H265_SHARE), len(candidates))
    for index in maker.random.sample(candidates, count):
        rows[index]["url"] = rows[index]["url"].replace("/h264/", "/h265/", 1)
    _declare(rows, random.Random(seed))
    planned = max(1, round(channels * _PLANNED_SHARE / CHANNELS))
    rows += (maker.planned(index) for index in range(planned))
    return rows


def _declare(rows: list[Row], source: random.Random) -> None:
    """What the platforms and the register say of the delivered: mostly true, for some nothing."""
    for row in rows:
        if not row["platform"]:
            continue
        row["declared_status"] = "OFF" if source.random() < LIES else "ON"
        if row["department"] != "公安局":
            continue
        is_h265 = ("/h265/" in row["url"]) is not (source.random() < LIES)
        row["declared_codec"] = "H.265/HEVC" if is_h265 else "H.264"
        row["declared_resolution"] = "D1" if source.random() < 0.5 else "704*576"
        row["declared_fps"] = "25"


def _shares(channels: int) -> list[int]:
    """The groups' sizes by largest remainder; exact at 2,743."""
    exact = [group.share * channels / CHANNELS for group in _GROUPS]
    counts = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda at: counts[at] - exact[at])
    for index in by_remainder[: channels - sum(counts)]:
        counts[index] += 1
    return counts


class _Maker:
    def __init__(self, source: random.Random, port: int) -> None:
        self.random = source
        self._port = port
        self._serial = 0
        self._names: dict[str, int] = {}
        self._logins: dict[str, str] = {}

    def row(self, group: _Group, index: int) -> Row:
        """The next delivered channel of a group."""
        town = self.random.randrange(len(_TOWNS))
        code = self._code(town, group.industry)
        if group is _POLICE:
            place = f"{self.random.choice(_ROADS)}{self.random.choice(_PLACES)}"
            names = f"{_TOWNS[town]}{place}", "公安局", f"公安回流{index % group.hosts + 1:02}"
            host = f"127.{group.network}.0.{index % group.hosts + 1}"
        elif group is _EMERGENCY:
            names = self._emergency(town, index % group.hosts)
            host = f"127.{group.network}.0.{index % group.hosts + 1}"
        else:
            names = self._campus(town), "教育局", ""
            host = f"127.{group.network}.{index // 250}.{index % 250 + 1}"
        return self._fields(code, names, town, group) | self._addresses(code, host)

    def planned(self, index: int) -> Row:
        """A campus channel that is still to be delivered."""
        town = index % len(_TOWNS)
        code = self._code(town, _CAMPUS.industry)
        names = self._campus(town), "教育局", ""
        row = self._fields(code, names, town, _CAMPUS)
        return row | {"url": "", "sub_url": "", "lifecycle": "planned"}

    def _fields(self, code: str, names: tuple[str, str, str], town: int, group: _Group) -> Row:
        name, department, platform = names
        return {
            "id": code,
            "name": self._unique(name),
            "gb_code": code,
            "kind": "rtsp",
            "platform": platform,
            "department": department,
            "area": _TOWNS[town],
            "point_class": self.random.choice(group.point_classes),
            "industry": group.industry,
            "longitude": f"{112.72 + town % 5 * 0.08 + self.random.random() * 0.08:.6f}",
            "latitude": f"{26.22 + town // 5 * 0.12 + self.random.random() * 0.12:.6f}",
            "lifecycle": "accepted",
            "tags": "",
            "enabled": "true",
            **dict.fromkeys(DECLARED, ""),
        }

    def _emergency(self, town: int, host: int) -> tuple[str, str, str]:
        system, department, places, number = _SYSTEM_OF_HOST[host]
        place = self.random.choice(places)
        return f"{_TOWNS[town]}{place}", department, f"{system}{number:02}"

    def _campus(self, town: int) -> str:
        return f"{_TOWNS[town]}{self.random.choice(_SCHOOLS)}{self.random.choice(_SPOTS)}"

    def _unique(self, name: str) -> str:
        self._names[name] = self._names.get(name, 0) + 1
        return f"{name}{self._names[name]:02}"

    def _code(self, town: int, industry: str) -> str:
        self._serial += 1
        return f"{CITY}{town + 1:02}{industry}1320{self._serial:06}"

    def _addresses(self, code: str, host: str) -> Row:
        start = f"rtsp://{self._login(host)}@{host}:{self._port}"
        return {"url": f"{start}/h264/{code}/main", "sub_url": f"{start}/h264/{code}/sub"}

    def _login(self, host: str) -> str:
        if host not in self._logins:
            letters = string.ascii_letters + string.digits
            password = "".join(self.random.choices(letters, k=11)) + self.random.choice("!@#-_+")
            self._logins[host] = f"viewer:{quote(password, safe='')}"
        return self._logins[host]


def write(rows: Sequence[Mapping[str, str]], output: Path) -> None:
    """Write .xlsx or .csv (UTF-8 with BOM, as spreadsheets want it), by the name's ending."""
    data: bytes | None = None
    if output.suffix.lower() == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        data = text.getvalue().encode("utf-8-sig")
    elif output.suffix.lower() != ".xlsx":
        raise InputError(f"{output}: the name must end in .xlsx or .csv")
    try:
        if data is None:
            _write_xlsx(rows, output)
        else:
            output.write_bytes(data)
    except OSError as error:
        raise InputError(f"{output}: {error.strerror}") from error


def _write_xlsx(rows: Iterable[Mapping[str, str]], output: Path) -> None:
    import openpyxl  # noqa: PLC0415 - heavy, and the fleet only reads

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("通道")
    sheet.append(COLUMNS)
    for row in rows:
        sheet.append([row.get(column, "") for column in COLUMNS])
    book.save(output)


def read(file: Path) -> list[Row]:
    """Rows of a register with English headers; raises InputError for what cannot be read."""
    try:
        if file.stat().st_size > MAX_FILE:
            raise InputError(f"{file}: larger than {MAX_FILE} bytes")
        table = _read_csv(file) if file.suffix.lower() == ".csv" else _read_xlsx(file)
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error
    except (CalamineError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: not a readable register: {error}") from error
    if not table or not {"id", "gb_code"} & set(table[0]) or "url" not in table[0]:
        raise InputError(
            f"{file}: the first row must name the columns, among them id and url",
            hint="vidgate simulate register -o FILE writes such a file",
        )
    return [dict(zip(table[0], line, strict=False)) for line in table[1:] if any(line)]


def _read_csv(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return [[value.strip() for value in line] for line in csv.reader(text)]


def _read_xlsx(file: Path) -> list[list[str]]:
    book = load_workbook(file)
    lines = book.get_sheet_by_index(0).to_python(skip_empty_area=True)
    return [[_text(value) for value in line] for line in lines]


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
