"""scripts/install, with a bundle of one small wheel: it may be stopped anywhere."""

import os
import platform
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pip
import pytest

from tests.packaging.conftest import ROOT
from tests.programs import running
from tests.waiting import until

pytestmark = pytest.mark.slow
FITS = f"py{sys.version_info[0]}.{sys.version_info[1]}-{platform.machine()}"
TOLD = """
import sys, time
def main():
    print({version!r}, flush=True)
    if sys.argv[1] == "serve":
        time.sleep(600)
"""
BROKEN = "def main():\n    raise SystemExit(1)\n"
STUCK = """
import os, pathlib, time
def main():
    pathlib.Path(os.environ["STUCK"]).touch()
    time.sleep(600)
"""
UNHEARD = """
import select
def main():
    heard = select.poll()
    heard.register(2, 0)
    heard.poll()  # until nobody reads what is said
"""
INTERRUPTED_MV = """#!/bin/sh
/bin/mv "$@"
for signal in HUP INT TERM; do kill -$signal $PPID; done
"""


def bundle(folder: Path, version: str, program: str = TOLD) -> Path:
    """A bundle in `folder` whose `vidgate` prints its version; returns its top."""
    top = folder / f"vidgate-{version}-{FITS}"
    (top / "wheels").mkdir(parents=True)
    (top / "FITS").write_text(FITS + "\n")
    _write_wheel(top / "wheels", version, program.format(version=version))
    # Unpacked, it finds its bytecode; the test of the whole bundle runs the wheel as it is.
    (top / "wheels" / "pip-0-py3-none-any.whl").mkdir()
    (top / "wheels" / "pip-0-py3-none-any.whl" / "pip").symlink_to(Path(pip.__file__).parent)
    install = top / "install"
    install.write_bytes((ROOT / "scripts" / "install").read_bytes())
    install.chmod(0o755)
    files = sorted(file for file in top.rglob("*") if file.is_file())
    sums = (f"{sha256(one.read_bytes()).hexdigest()}  ./{one.relative_to(top)}\n" for one in files)
    (top / "SHA256SUMS").write_text("".join(sums))
    return top


def _write_wheel(folder: Path, version: str, program: str) -> None:
    told = f"vidgate-{version}.dist-info"
    files = {
        "vidgate.py": program,
        f"vidgate-{version}.data/data/share/vidgate/docs/index.md": version,
        f"{told}/METADATA": f"Metadata-Version: 2.1\nName: vidgate\nVersion: {version}\n",
        f"{told}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{told}/entry_points.txt": "[console_scripts]\nvidgate = vidgate:main\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{told}/RECORD"])
    with ZipFile(folder / f"vidgate-{version}-py3-none-any.whl", "w") as wheel:
        for name, text in (files | {f"{told}/RECORD": record}).items():
            wheel.writestr(name, text)


def install(
    top: Path, target: Path | str, *, status: int = 0, where: Path | None = None, umask: int = -1,
    **env: str,
) -> str:  # fmt: skip
    """Run the bundle's install; returns what it said."""
    done = subprocess.run(
        [top / "install", target], env=_environment(**env), cwd=where, umask=umask,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done.stderr


def _environment(**env: str) -> dict[str, str]:
    return {**os.environ, "PYTHON": sys.executable, **env}


def version_of(target: Path) -> str:
    """What is installed there, as the unit calls it."""
    words = [str(target / "bin" / "vidgate"), "version"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    assert (target / "share" / "vidgate" / "docs" / "index.md").read_text() == told
    return told


def versions_in(target: Path) -> list[str]:
    """The versions of which there is anything, without their times."""
    return sorted(folder.name.rpartition("-")[0] for folder in target.glob("vidgate-*"))


def test_a_relative_folder_is_where_the_user_stands(tmp_path: Path) -> None:
    top = bundle(tmp_path / "unpacked", "1.0")
    said = install(top, "./vg", where=tmp_path)
    assert version_of(tmp_path / "vg") == "1.0"
    assert f"{tmp_path}/vg/bin/vidgate doctor" in said
    assert not (top / "vg").exists()


def test_every_user_can_read_it_whatever_the_mask_of_root(tmp_path: Path) -> None:
    target = tmp_path / "opt"
    install(bundle(tmp_path, "1.0"), target, umask=0o077)
    found = [target, *target.rglob("*")]
    assert [path for path in found if path.is_dir() and path.stat().st_mode & 0o5 != 0o5] == []
    assert [path for path in found if not path.stat().st_mode & 0o4] == []


def test_an_upgrade_keeps_the_version_before(tmp_path: Path) -> None:
    target = tmp_path / "opt"
    for version in ("1.0", "2.0", "3.0"):
        install(bundle(tmp_path, version), target)
        assert version_of(target) == version
    assert versions_in(target) == ["vidgate-2.0", "vidgate-3.0"]
    (target / "current").unlink()
    (target / "current").symlink_to(next(target.glob("vidgate-2.0-*")).name)
    assert version_of(target) == "2.0"
    install(bundle(tmp_path, "4.0"), target)
    assert versions_in(target) == ["vidgate-2.0", "vidgate-4.0"]


async def test_a_version_that_still_runs_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "opt"
    install(bundle(tmp_path, "1.0"), target)
    async with running(target / "bin" / "vidgate", "serve") as service:
        await service.says("1.0")
        install(bundle(tmp_path, "2.0"), target)
        install(bundle(tmp_path, "3.0"), target)
        assert versions_in(target) == ["vidgate-1.0", "vidgate-2.0", "vidgate-3.0"]
    install(bundle(tmp_path, "4.0"), target)
    assert versions_in(target) == ["vidgate-3.0", "vidgate-4.0"]


def test_a_version_that_does_not_start_is_not_installed(tmp_path: Path) -> None:
    target = tmp_path / "opt"
    install(bundle(tmp_path, "1.0"), target)
    install(bundle(tmp_path, "2.0"), target)
    said = install(bundle(tmp_path, "3.0", BROKEN), target, status=1)
    assert "what was there is as it was" in said
    assert (version_of(target), versions_in(target)) == ("2.0", ["vidgate-1.0", "vidgate-2.0"])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_an_upgrade_that_is_stopped_leaves_the_old_version(
    tmp_path: Path, how: signal.Signals
) -> None:
    target, stuck = tmp_path / "opt", tmp_path / "stuck"
    install(bundle(tmp_path, "1.0"), target)
    top = bundle(tmp_path, "2.0", STUCK)
    env = _environment(STUCK=str(stuck))
    # Begun in the background of a shell, tests inherit an interrupt that is ignored, and sh would.
    alone = "env", "--default-signal=INT", "setsid"
    async with running(*alone, top / "install", target, env=env) as program:
        await until(stuck.exists, what="the new version is tried")
        os.killpg(program.process.pid, how)  # as a terminal does, or whoever has had enough
        assert await program.process.wait() != 0
    assert version_of(target) == "1.0"
    assert versions_in(target) == ["vidgate-1.0"] + ["vidgate-2.0"] * (how == signal.SIGKILL)
    install(bundle(tmp_path, "3.0"), target)
    assert (version_of(target), versions_in(target)) == ("3.0", ["vidgate-1.0", "vidgate-3.0"])


def test_signals_no_longer_stop_it_when_current_is_set(tmp_path: Path) -> None:
    target, mv = tmp_path / "opt", tmp_path / "bin" / "mv"
    mv.parent.mkdir()
    mv.write_text(INTERRUPTED_MV)
    mv.chmod(0o755)
    path = f"{mv.parent}:{os.environ['PATH']}"
    assert "installed" in install(bundle(tmp_path, "1.0"), target, PATH=path)
    assert version_of(target) == "1.0"


def test_it_is_installed_also_where_nobody_hears_of_it(tmp_path: Path) -> None:
    target = tmp_path / "opt"
    words = [bundle(tmp_path, "1.0", UNHEARD) / "install", target]
    with subprocess.Popen(
        words, env=_environment(), stderr=subprocess.PIPE, text=True,
        restore_signals=False,  # SIGPIPE stays ignored: the write fails, and the shell lives
    ) as program:  # fmt: skip
        assert program.stderr is not None
        assert any("3/3" in line for line in program.stderr)
        program.stderr.close()
    assert program.returncode == 0
    assert (target / "bin" / "vidgate").exists()


def test_a_bundle_unpacked_beside_the_versions_stays(tmp_path: Path) -> None:
    target = tmp_path / "opt"
    install(bundle(tmp_path, "1.0"), target)
    install(bundle(target, "2.0"), target)
    assert version_of(target) == "2.0"
    assert (target / f"vidgate-2.0-{FITS}" / "install").exists()


def test_an_environment_made_by_hand_beside_the_versions_stays(tmp_path: Path) -> None:
    made = tmp_path / "opt" / "vidgate-test" / "pyvenv.cfg"
    made.parent.mkdir(parents=True)
    made.touch()
    install(bundle(tmp_path, "1.0"), tmp_path / "opt")
    assert made.exists()


def test_what_was_left_by_an_install_that_was_killed_goes(tmp_path: Path) -> None:
    left = tmp_path / "opt" / "vidgate-1.0-20260101T000000"
    left.mkdir(parents=True)
    install(bundle(tmp_path, "1.0"), tmp_path / "opt")
    assert versions_in(tmp_path / "opt") == ["vidgate-1.0"]
    assert not left.exists()


@pytest.mark.parametrize("other", ["letters.txt", ".git", "bin/tool", "vidgate/pyvenv.cfg"])
@pytest.mark.parametrize("before", [False, True], ids=["first", "upgrade"])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, other: str, before: bool) -> None:
    target = tmp_path / "opt"
    file = target / other
    file.parent.mkdir(parents=True)
    file.touch()
    if before:
        (target / "vidgate-1.0-20260101T000000").mkdir()
        (target / "vidgate-1.0-20260101T000000" / "pyvenv.cfg").touch()
    there = sorted(target.rglob("*"))
    said = install(bundle(tmp_path, "2.0"), target, status=1)
    assert f"{target / Path(other).parts[0]} is not ours" in said
    assert sorted(target.rglob("*")) == there


def test_a_bundle_that_lacks_something_is_refused(tmp_path: Path) -> None:
    top = bundle(tmp_path, "1.0")
    next((top / "wheels").glob("vidgate-*")).unlink()
    assert "damaged" in install(top, tmp_path / "opt", status=1)
    assert not (tmp_path / "opt").exists()


def test_a_bundle_for_another_machine_is_refused(tmp_path: Path) -> None:
    top = bundle(tmp_path, "1.0")
    (top / "FITS").write_text("py3.99-abacus\n")
    assert "py3.99-abacus" in install(top, tmp_path / "opt", status=1)


def test_the_installer_is_a_short_shell_script() -> None:
    for name in ("install", "bundle"):
        assert len((ROOT / "scripts" / name).read_text(encoding="utf-8").splitlines()) <= 50
