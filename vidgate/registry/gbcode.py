"""What can be doubted in a 20-digit code of GB/T 28181 (coding rule A).

Length and digits are checked where the field is read, and strictly. What stands here are doubts:
catalogs that come back from other platforms break these rules often, and still have pictures.
"""

# Administrative divisions, GB/T 2260: the provinces.
_PROVINCES = frozenset(
    str(number)
    for first, last in (
        (11, 15),
        (21, 23),
        (31, 37),
        (41, 46),
        (50, 54),
        (61, 65),
        (71, 71),
        (81, 82),
    )
    for number in range(first, last + 1)
)
_INDUSTRIES = frozenset(f"{number:02}" for number in (*range(15), *range(40, 46)))
_CAMERAS = frozenset(("121", "122", "131", "132", "138"))
_OTHERS = {
    "111": "DVR", "112": "视频服务器", "113": "编码器", "114": "解码器", "118": "NVR",
    "130": "混合录像机", "133": "显示器", "134": "报警输入", "135": "报警输出",
    "136": "语音输入", "137": "语音输出", "200": "中心信令控制服务器", "215": "业务分组",
    "216": "虚拟组织",
}  # fmt: skip


def doubts(code: str) -> list[str]:
    """Sentences on what is unusual in a code; of an empty or wrong one there is nothing to say."""
    if len(code) != 20:
        return []
    found = []
    if code[:2] not in _PROVINCES:
        found.append(f"前两位 {code[:2]} 不是省级行政区划代码")
    if code[8:10] not in _INDUSTRIES:
        found.append(f"第 9-10 位行业编码 {code[8:10]} 不在标准表中")
    kind = code[10:13]
    if kind not in _CAMERAS:
        known = f"表示 {_OTHERS[kind]}" if kind in _OTHERS else "不在标准表中"
        found.append(f"第 11-13 位类型编码 {kind} {known}，摄像机应为 131 或 132")
    if code[13] == "9":
        found.append("第 14 位网络标识 9 为预留值")
    if code[14:] == "000000":
        found.append("序号为 000000，可能是 Excel 丢失了尾数")
    return found
