"""`vidgate cert`: a certificate for HTTPS where no public authority can be reached."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from vidgate.aio.clock import SystemClock
from vidgate.auth.authority import SERVER_DAYS, Authority, Pem, fingerprint, names_of
from vidgate.cli import next_steps, output
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Json, option
from vidgate.errors import ConflictError, InputError, NotFoundError
from vidgate.settings import data_folder, load_settings

OK = 0
FOLDER = "tls"
AUTHORITY, SERVER = "ca", "server"
Owner = tuple[int, int]  # user and group
FILES = [f"{name}.{kind}" for name in (AUTHORITY, SERVER) for kind in ("crt", "key")]
RESTORE = (
    "从备份恢复; 没有备份就移走 tls/ 重新建立, 用户要重装 CA · "
    "restore them; without a backup move tls/ away and begin anew: users install the new CA"
)


def init(
    *,
    host: Annotated[
        list[str] | None, option("用户输入的名称或地址, 可多次 · names and addresses users type")
    ] = None,
    renew: Annotated[
        bool,
        option("用原 CA 换发, 不给 --host 则名称不变 · a new certificate by the same authority"),
    ] = False,
    config: Annotated[Path | None, option("设置文件, 取其 http.hosts · settings file")] = None,
    json: Json = False,
) -> int:
    """Make a site's authority and a certificate for this server, on this machine."""
    http = load_settings(config).http
    folder = data_folder() / FOLDER
    former = _names(folder) if renew else []
    hosts = host or former or http.hosts
    if not hosts:
        raise UsageError(
            both("不知道用户用什么名称或地址访问", "by which names do users reach this server?"),
            hint="vidgate cert init --host 10.1.2.3 --host video.example",
        )
    now = datetime.fromtimestamp(SystemClock().wall(), UTC)
    authority = _existing(folder) if renew else _fresh(folder, hosts[0], now)
    served = authority.sign(hosts, now)
    _write(folder, {SERVER: served} if renew else {AUTHORITY: authority.pem, SERVER: served})
    _tell_gone(former, names_of(served.certificate))
    page = _page(hosts, http.port)
    mark = fingerprint(authority.pem.certificate)
    _tell(folder, hosts, mark, "" if renew else page, json)
    return OK


def _page(hosts: list[str], port: int) -> str:
    """Where users find the authority; a wildcard names no host, which is left to be filled in."""
    host = next((one for one in hosts if "*" not in one), hosts[0].replace("*", "NAME"))
    authority = f"[{host}]" if ":" in host else host
    return f"http://{authority}:{port}/ca"


def _names(folder: Path) -> list[str]:
    """Those of the certificate in use, none where there is none."""
    file = folder / f"{SERVER}.crt"
    try:
        return names_of(file.read_bytes())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{file}: 不是证书 / no certificate: {error}") from None


def _existing(folder: Path) -> Authority:
    files = [folder / f"{AUTHORITY}.crt", folder / f"{AUTHORITY}.key"]
    try:
        certificate, key = (file.read_bytes() for file in files)
    except FileNotFoundError as error:
        raise NotFoundError(
            f"{error.filename}: 还没有 CA / there is no authority yet",
            hint="vidgate cert init (不加 without --renew)",
        ) from None
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from None
    try:
        return Authority.load(Pem(certificate, key))
    except InputError as error:
        raise InputError(f"{', '.join(map(str, files))}: {error.message}", hint=RESTORE) from None


def _fresh(folder: Path, name: str, now: datetime) -> Authority:
    """A new one; every computer that took an old one would have to take it too."""
    if there := [name for name in FILES if (folder / name).exists()]:
        raise ConflictError(
            f"{folder}: 已有 {', '.join(there)}, 不覆盖 / is there already",
            hint="换发证书 renew: vidgate cert init --renew",
        )
    return Authority.create(f"vidgate {name}"[:64], now)


def _write(folder: Path, pairs: Mapping[str, Pem]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = _heir(folder.parent)
        opened = os.open(folder, os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            inside = Path(f"/proc/self/fd/{opened}")
            for name, pem in pairs.items():
                _replace(inside / f"{name}.key", pem.key, 0o600, owner)
                _replace(inside / f"{name}.crt", pem.certificate, 0o644, owner)
            if owner is not None:
                _hand_over(opened, owner)
        finally:
            os.close(opened)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from None


def _heir(data: Path) -> Owner | None:
    """To whom goes what root makes: the service's user, who owns the data; None without root."""
    if os.geteuid() != 0:
        return None
    found = data.stat()
    return found.st_uid, found.st_gid


def _hand_over(folder: int, owner: Owner) -> None:
    """Give the folder away, and what root has left in there.

    The heir may put a link where `folder` was and have root give away what is behind it:
    therefore a descriptor, and no link is followed.
    """
    os.fchown(folder, *owner)
    for name in FILES:
        try:
            os.chown(name, *owner, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue


def _replace(file: Path, content: bytes, mode: int, owner: Owner | None) -> None:
    """Whole or not at all, never readable by others for a moment, and its owner's at once."""
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        if owner is not None:
            os.fchown(out.fileno(), *owner)
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(file)


def _tell_gone(former: list[str], names: list[str]) -> None:
    if gone := [name for name in former if name not in names]:
        output.note(f"证书不再包含 no longer in it: {', '.join(gone)}")


def _tell(folder: Path, hosts: list[str], mark: str, page: str, json: bool) -> None:
    """`page` is empty after a renewal: settings and users' computers stay as they are."""
    files = {
        "cert": str(folder / f"{SERVER}.crt"),
        "key": str(folder / f"{SERVER}.key"),
        "ca": str(folder / f"{AUTHORITY}.crt"),
    }
    if json:
        output.document({"hosts": hosts, "fingerprint": mark, "days": SERVER_DAYS, **files})
        return
    output.note(f"已签发 {', '.join(hosts)}, {SERVER_DAYS} 天有效 issued for {SERVER_DAYS} days")
    output.note(f"CA 指纹 fingerprint (SHA-256): {mark}")
    if page:
        output.note("写入设置 put into the settings:")
        output.say("http:\n  tls:")
        for name, file in files.items():
            output.say(f"    {name}: {file}")
        output.note(f"然后重启服务; 用户在此安装 CA then restart; users install it from {page}")
    else:
        output.note("服务半分钟内自己换上 the running service takes it within half a minute")
    next_steps.tell("cert init")
