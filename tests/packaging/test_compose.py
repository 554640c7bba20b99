"""configs/compose.yaml: well-formed, and of one mind with the Dockerfile and the settings."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.packaging.dockerfile import parse
from vidgate.settings import load_settings

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
# The keys of the Compose Specification that a service of ours may use.
SERVICE_KEYS = {
    "build", "cap_drop", "command", "environment", "image", "init", "network_mode", "profiles",
    "read_only", "restart", "security_opt", "stop_grace_period", "tmpfs", "ulimits", "volumes",
}  # fmt: skip


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((CONFIGS / "compose.yaml").read_text(encoding="utf-8"))


def test_uses_keys_of_the_specification(compose: Any) -> None:
    assert set(compose) == {"name", "services", "volumes"}
    for service in compose["services"].values():
        assert set(service) <= SERVICE_KEYS


def test_every_mount_has_a_source(compose: Any) -> None:
    for service in compose["services"].values():
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (CONFIGS / source).exists(), mount
            else:
                assert source in compose["volumes"], mount


def test_fits_the_image(compose: Any) -> None:
    service = compose["services"]["vidgate"]
    runtime = parse(ROOT / "Dockerfile")[-1]
    assert (CONFIGS / service["build"]).resolve() == ROOT
    assert f"data:{runtime.last('VOLUME')}" in service["volumes"]
    assert service["network_mode"] == "host"
    assert int(service["stop_grace_period"].removesuffix("s")) > 10  # the service drains so long
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    zone = next(step.rest for step in runtime.steps if step.rest.startswith("TZ="))
    assert service["environment"]["TZ"] == f"${{TZ:-{zone.removeprefix('TZ=')}}}"


def test_the_settings_that_it_mounts_can_be_loaded(compose: Any) -> None:
    inner = compose["services"]["vidgate"]["environment"]["VIDGATE_CONFIG"]
    mount = next(m for m in compose["services"]["vidgate"]["volumes"] if inner in m)
    assert load_settings(CONFIGS / mount.split(":")[0], {}).http.port == 8080
