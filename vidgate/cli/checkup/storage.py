"""The data folder: room, rights, the key, the database; and the console in the package."""

import os
import shutil
import sqlite3
import stat
import tempfile
from pathlib import Path

import vidgate
from vidgate.cli.checkup.finding import Finding, Subject, failed, ok, warning

ROOM, LEAST_ROOM = 1 << 30, 100 << 20  # bytes
LEAST_FILES = 1000
KEY = "secret.key"


def folder(subject: Subject) -> Finding:
    """There, ours, and nobody else's."""
    path = subject.folder
    if not path.exists():
        return _to_be_made(path)
    if not path.is_dir():
        return failed(f"{path} 不是目录", "is not a folder", f"mv {path} {path}.old")
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return failed(
            f"{path} 不能写入: {error.strerror}",
            "cannot be written",
            f"sudo chown -R $(id -un) {path} && chmod u+rwx {path}",
        )
    if path.stat().st_mode & 0o077:
        return warning(f"{path} 他人可进入", "others may enter", f"chmod 700 {path}")
    return ok(str(path), "can be written")


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that there is."""
    whole = path.absolute()
    return next(one for one in (whole, *whole.parents) if one.exists())


def _to_be_made(path: Path) -> Finding:
    above = _existing(path)
    if os.access(above, os.W_OK | os.X_OK):
        return ok(f"{path} 首次启动时建立", "is made at the first start")
    return failed(
        f"{path} 不存在, 也无权建立",
        "is not there and may not be made",
        f"sudo install -d -m 700 -o $(id -un) {path}   # 或 or: VIDGATE_DATA=...",
    )


def room(subject: Subject) -> Finding:
    """Free space and free inodes where the data is, or will be."""
    there = _existing(subject.folder)
    free, files = shutil.disk_usage(there).free, os.statvfs(there)
    shown = f"{free / (1 << 30):.1f} GiB"
    fix = f"df -h {there}; 清理或扩容 clean up or grow"
    if free < LEAST_ROOM or (files.f_files and files.f_favail < LEAST_FILES):
        return failed(f"磁盘将满, 只剩 {shown}", f"{shown} and {files.f_favail} inodes left", fix)
    if free < ROOM:
        return warning(f"只剩 {shown}", f"{shown} left", fix)
    return ok(f"剩余 {shown}", f"{shown} free")


def key(subject: Subject) -> Finding:
    """The key of the cameras' passwords: without it they are lost, with it they are open."""
    path = subject.folder / KEY
    try:
        status = path.stat()
    except FileNotFoundError:
        return _no_key(subject)
    except OSError as error:
        return failed(f"{path}: {error.strerror}", "cannot be seen", f"ls -l {path}")
    if stat.S_IMODE(status.st_mode) & 0o077:
        return failed(f"{path} 他人可读", "others may read it", f"chmod 600 {path}")
    return ok("只有服务可读", "read by the service alone")


def _no_key(subject: Subject) -> Finding:
    if (subject.folder / "vidgate.db").exists():
        return failed(
            f"{subject.folder / KEY} 不见了: 已存的摄像机口令无法解密",
            "is gone: stored camera passwords cannot be read",
            f"从备份恢复 {KEY} restore it from a backup",
        )
    return ok("首次启动时生成", "is made at the first start")


def database(subject: Subject) -> Finding:
    """Whether the register's file is whole and of this version."""
    if subject.settings.database.url:
        return ok("database.url", "a database of its own; the service says how it is")
    path = subject.folder / "vidgate.db"
    if not path.exists():
        return ok("首次启动时建立", "is made at the first start")
    from vidgate.errors import StorageError
    from vidgate.storage.migrations import current, head

    backup = f"从备份恢复 restore a backup: {path}"
    try:
        have, want = current(path), head()
        damage = _damage(path)
    except (StorageError, sqlite3.Error, OSError) as error:
        return failed(f"读不了: {error}", "cannot be read", backup)
    if damage != "ok":
        return failed(f"文件损坏: {damage}", "is damaged", backup)
    if have is not None and have > want:
        return failed(
            f"由更新的版本写入 ({have} > {want})",
            "written by a newer version",
            "升级 upgrade vidgate",
        )
    if have != want:
        return ok(f"{have} 下次启动时升级到 {want}", "is brought up to date at the next start")
    return ok(f"完好, 版本 {have}", f"whole, at step {have}")


def _damage(path: Path) -> str:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
    try:
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    finally:
        connection.close()


def console(_: Subject) -> Finding:
    """The built console in this installation."""
    built = Path(vidgate.__file__).parent / "console" / "dist" / "index.html"
    if built.is_file():
        return ok("已构建", "built")
    return failed("网页没有构建", "is not built", "scripts/setup   # 源码目录 in the source folder")
