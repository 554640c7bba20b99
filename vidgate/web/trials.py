"""Trying channels and credentials: what answers, by which rule, with whose login."""

from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field

from vidgate.model.media import Variant
from vidgate.operations.trials import Trial
from vidgate.web.access import actor_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import read_json, reply
from vidgate.web.health import ProbeView, probe_view
from vidgate.web.schemas import Body


class ChannelTrial(Body):
    """Which stream, and with which credential instead of the channel's own."""

    stream: Literal["main", "sub"] = "main"
    credential: str = Field("", max_length=64)


class CredentialTrial(Body):
    """At which channel, instead of one of each host that uses the credential."""

    channel: str = Field("", max_length=64)


class TrialView(BaseModel):
    """One try. `way`: own, form, template, http or empty where there is none.

    `form` is the rule, `url` the address, or whom we ask for it; neither holds a secret.
    `is_named`: the channel names the credential.
    """

    channel: str
    stream: str
    way: str
    form: str
    url: str
    credential: str
    is_named: bool
    is_good: bool
    probe: ProbeView


class TrialList(BaseModel):
    """One try for each host."""

    items: list[TrialView]


async def channel(request: web.Request) -> web.Response:
    """DESCRIBE a channel now, and say how it was reached."""
    context, id_ = request.app[CONTEXT], request.match_info["id"]
    asked = await read_json(request, ChannelTrial)
    async with context.probing.turn():
        trial = await context.parts.trials.channel(
            id_, variant=Variant(asked.stream), credential=asked.credential
        )
    detail = {"reason": trial.result.reason.value, "credential": trial.credential}
    context.notes.note(actor_of(request), "channel.test", trial.channel, detail)
    return reply(_view(trial))


async def credential(request: web.Request) -> web.Response:
    """Try a credential at one channel, or at one of each host that uses it."""
    context, name = request.app[CONTEXT], request.match_info["name"]
    asked = await read_json(request, CredentialTrial)
    trials = context.parts.trials
    async with context.probing.turn():
        if asked.channel:
            done = [await trials.channel(asked.channel, credential=name)]
        else:
            done = await trials.credential(name)
    detail = {trial.channel: trial.result.reason.value for trial in done}
    context.notes.note(actor_of(request), "credential.test", name, detail)
    return reply(TrialList(items=[_view(trial) for trial in done]))


def _view(trial: Trial) -> TrialView:
    return TrialView(
        channel=trial.channel,
        stream=trial.variant.value,
        way=trial.way,
        form=trial.form,
        url=trial.url,
        credential=trial.credential,
        is_named=trial.is_named,
        is_good=trial.result.is_good,
        probe=probe_view(trial.result),
    )
