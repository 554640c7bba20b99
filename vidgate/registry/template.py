"""The workbook that engineers fill in. Made in a worker: openpyxl is not for the service."""

from io import BytesIO

from vidgate.registry.fields import FIELDS, Field
from vidgate.registry.limits import MAX_ROWS
from vidgate.registry.sheet import EXAMPLE

ROWS = MAX_ROWS  # rows formatted as text and given their lists
REQUIRED = ("id", "name", "url")
WIDTHS = {"id": 24, "name": 28, "gb_code": 24, "url": 48, "sub_url": 48, "platform": 20}

SAMPLE = {
    "id": EXAMPLE,
    "name": "城关镇人民路口 1 号枪机（示例行，导入时跳过）",
    "gb_code": "43042100001320000001",
    "url": "rtsp://用户名:口令@10.1.2.3:554/main",
    "sub_url": "rtsp://用户名:口令@10.1.2.3:554/sub",
    "platform": "公安视频联网平台",
    "department": "市公安局",
    "area": "城关镇",
    "point_class": "一类",
    "longitude": "112.8391",
    "latitude": "26.4223",
    "lifecycle": "在用",
    "enabled": "是",
    "declared_status": "在线",
    "declared_codec": "H.264",
    "declared_resolution": "1920x1080",
    "declared_fps": "25",
}

NOTES = (
    "每行一个通道；通道编号已登记的行是修改，没有登记的是新增。",
    "通道编号空白时用国标编码。两列都请设为“文本”格式，否则 Excel 会丢失 20 位编码的尾数。",
    "空白单元格不改动已登记的内容；要清空一项请用 channel set。",
    "地址里的用户名和口令在登记后转入凭据，口令不再显示。",
    "先试导入: vidgate channel import 文件.xlsx --dry-run",
    f"第一列以“{EXAMPLE}”开头的行不导入。不认识的列不读。",
)


def make_template() -> bytes:
    """An xlsx with titles, lists to choose from, an example and a sheet of notes."""
    from openpyxl import Workbook  # noqa: PLC0415 - only the worker needs it
    from openpyxl.styles import Font, PatternFill  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "通道"
    sheet.append([field.title for field in FIELDS])
    sheet.append([SAMPLE.get(field.name, "") for field in FIELDS])
    sheet.freeze_panes = "C2"
    for index, field in enumerate(FIELDS, 1):
        letter = get_column_letter(index)
        head = sheet.cell(row=1, column=index)
        head.font = Font(bold=True)
        head.fill = PatternFill("solid", fgColor="F4CCCC" if field.name in REQUIRED else "D9EAD3")
        sheet.cell(row=2, column=index).font = Font(italic=True, color="888888")
        column = sheet.column_dimensions[letter]
        column.width = WIDTHS.get(field.name, 12)
        column.number_format = "@"  # text: a 20-digit code must not become a number
        sheet.cell(row=2, column=index).number_format = "@"
        if field.choices:
            rule = DataValidation("list", formula1=f'"{",".join(field.choices)}"', allow_blank=True)
            sheet.add_data_validation(rule)
            rule.add(f"{letter}2:{letter}{ROWS + 1}")
    notes = book.create_sheet("说明")
    for line in [*NOTES, "", *map(_note, FIELDS)]:
        notes.append([line])
    notes.column_dimensions["A"].width = 100
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _note(field: Field) -> str:
    others = "、".join((field.name, *field.aliases))
    return f"{field.title}: {field.note or '可选'}（列名也可写作 {others}）"
