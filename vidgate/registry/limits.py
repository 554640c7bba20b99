"""How much of a file is read, and what its pre-scan found. Nothing is cut: it is refused."""

from collections import UserDict

from vidgate.errors import InputError

MAX_FILE = 10 << 20  # bytes as uploaded
MAX_UNPACKED = 100 << 20  # bytes of all parts of a workbook together
MAX_ENTRIES = 200  # parts of a workbook
MAX_ROWS = 20_000
MAX_COLUMNS = 128
MAX_OVERLAY = 150_000  # cells of a workbook that is kept as it is: some 450 bytes each
MAX_ODD = 20_000  # cells without a value that are told one by one
MAX_MERGES = 20_000  # merged cells of a sheet
HEADER_WITHIN = 10  # a title and remarks may stand above the header
PARSE_TIMEOUT = 20.0  # seconds, after which the worker is killed
MARK_TIMEOUT = 45.0  # the same for a file that is read and written
PARSE_MEMORY = 128 << 20  # bytes that reading one file may add to the worker

UNCACHED = "公式没有计算结果，请在 Excel 里重新计算后保存，或粘贴为数值"


class Oddities(UserDict[tuple[int, int], str]):
    """The cells of one sheet that a reader takes for empty and that are not: what they are.

    By row and column from 1. `cells` counts all cells of the sheet. `merges` are those that belong
    to a merged one above or beside them: (top, left, bottom, right). `hidden` are rows that a
    filter or a person has hidden.
    """

    cells = 0

    def __init__(self) -> None:
        super().__init__()
        self.merges: list[tuple[int, int, int, int]] = []
        self.hidden: set[int] = set()

    def merge(self, top: int, left: int, bottom: int, right: int) -> None:
        """Keep a merged cell. Raises InputError for too many."""
        if len(self.merges) >= MAX_MERGES:
            raise InputError(f"合并的单元格超过 {MAX_MERGES} 个", hint="请取消合并后再导入")
        self.merges.append((top, left, bottom, right))

    def hide(self, row: int) -> None:
        """Keep a hidden row, as far out as any row is read."""
        if row <= MAX_ROWS + HEADER_WITHIN:
            self.hidden.add(row)

    def note(self, row: int, column: int, message: str) -> None:
        """Keep one. Raises InputError for too many."""
        if len(self.data) >= MAX_ODD:
            raise InputError(f"没有计算结果的公式和错误值超过 {MAX_ODD} 个", hint="请粘贴为数值")
        self.data[row, column] = message


def error_value(value: str) -> str:
    """What to say of a cell that holds an error such as #N/A."""
    return f"单元格是错误值 {value}，请改正公式或粘贴为数值"


def check_extent(row: int, column: int) -> None:
    """Raise InputError for a filled cell too far out; both count from 1."""
    if row > MAX_ROWS + HEADER_WITHIN or column > MAX_COLUMNS:
        raise InputError(
            f"工作表最多 {MAX_ROWS} 行 {MAX_COLUMNS} 列，第 {row} 行第 {column} 列还有内容",
            hint="请分成几个文件，或删除多余的行列",
        )
