"""What is known of a channel's health, as the API tells it."""

from vidgate.health.levels import of_probe
from vidgate.model.health import Health, Level, ProbeResult, Reason
from vidgate.web.health import health_view

NOW = 1_700_000_000.0


def test_every_level_is_told_also_one_that_was_not_looked_at() -> None:
    refused = ProbeResult(
        channel="c",
        asked=Level.DESCRIBE,
        level=Level.REACH,
        reason=Reason.UNAUTHORIZED,
        t0=NOW,
        connected=0.25,
    )
    health = Health(channel="c", last=refused, levels=of_probe({}, refused, NOW))
    told = health_view(health, NOW).model_dump(mode="json")
    never = {"outcome": "not_tested", "reason": "not_tested", "at": None, "since": None}
    instants = {"at": NOW, "since": NOW}
    assert told["levels"] == [
        {"level": "reach", "outcome": "passed", "reason": "ok", "took": 0.25, **instants},
        {"level": "describe", "outcome": "failed", "reason": "unauthorized", "took": None}
        | instants,
        {"level": "media", "took": None, **never},
        {"level": "picture", "took": None, **never},
    ]
    assert told["last"]["connected"] == 0.25
