"""The table of all routes: who may call what. There is no other way in."""

from collections.abc import Sequence

from aiohttp import hdrs, web

from vidgate.model.user import Permission
from vidgate.web import (
    changes,
    channels,
    credentials,
    events,
    fleet,
    platforms,
    probes,
    register,
    reports,
    schemas,
    service,
    sessions,
    tickets,
    timeline,
    tokens,
    trials,
    whep,
)
from vidgate.web.access import TICKET_GRACE
from vidgate.web.context import CONTEXT
from vidgate.web.route import Access, Route

API = "/api/v1"

GET, POST, PUT, PATCH, DELETE = (
    hdrs.METH_GET,
    hdrs.METH_POST,
    hdrs.METH_PUT,
    hdrs.METH_PATCH,
    hdrs.METH_DELETE,
)


async def page(request: web.Request) -> web.StreamResponse:
    """The console."""
    return await request.app[CONTEXT].console.serve(request)


_SESSION = (
    Route(
        POST,
        f"{API}/session",
        sessions.sign_in,
        Access.OPEN,
        "登录 sign in",
        body=schemas.SignIn,
        answer=schemas.SessionView,
    ),
    Route(
        GET,
        f"{API}/session",
        sessions.show,
        Permission.SESSION_OWN,
        "当前用户 who am I",
        answer=schemas.SessionView,
    ),
    Route(
        DELETE,
        f"{API}/session",
        sessions.sign_out,
        Permission.SESSION_OWN,
        "退出 sign out",
        status=204,
    ),
)

_CHANNELS = (
    Route(
        GET,
        f"{API}/channels",
        channels.list_,
        Permission.CHANNEL_READ,
        "通道列表 list channels",
        query=channels.ChannelQuery,
        answer=schemas.ChannelList,
    ),
    Route(
        POST,
        f"{API}/channels",
        channels.create,
        Permission.CHANNEL_WRITE,
        "新增通道 add a channel",
        body=schemas.NewChannel,
        answer=schemas.ChannelView,
        status=201,
    ),
    Route(
        PATCH,
        f"{API}/channels",
        channels.change_many,
        Permission.CHANNEL_WRITE,
        "批量修改通道 change many channels",
        body=schemas.BulkEdit,
        answer=schemas.BulkReportView,
    ),
    Route(
        POST,
        f"{API}/channels/import",
        register.import_,
        Permission.CHANNEL_WRITE,
        "导入登记表 import a register",
        query=register.ImportQuery,
        body="application/octet-stream",
        answer=schemas.ImportReportView,
    ),
    Route(
        POST,
        f"{API}/channels/import/errors",
        register.mark,
        Permission.CHANNEL_WRITE,
        "标出错误的登记表 the sheet with its mistakes",
        query=register.FileQuery,
        body="application/octet-stream",
        answer=register.XLSX,
    ),
    Route(
        GET,
        f"{API}/channels/template",
        register.template,
        Permission.CHANNEL_READ,
        "登记表模板 the template",
        answer=register.XLSX,
    ),
    Route(
        GET,
        f"{API}/channels/export",
        register.export,
        Permission.CHANNEL_WRITE,
        "导出登记表 export the register",
        query=register.ExportQuery,
        answer=register.XLSX,
    ),
    Route(
        GET,
        f"{API}/channels/{{id}}/history",
        register.history,
        Permission.CHANNEL_WRITE,
        "通道的变更历史 what was done to a channel",
        query=register.HistoryQuery,
        answer=schemas.HistoryList,
    ),
    Route(
        GET,
        f"{API}/channels/{{id}}/timeline",
        timeline.show,
        Permission.CHANNEL_READ,
        "通道的状态与切换 states and switches of a channel",
        query=timeline.TimelineQuery,
        answer=timeline.Timeline,
    ),
    Route(
        GET,
        f"{API}/channels/{{id}}",
        channels.show,
        Permission.CHANNEL_READ,
        "通道详情 show a channel",
        answer=schemas.ChannelView,
    ),
    Route(
        PATCH,
        f"{API}/channels/{{id}}",
        channels.change,
        Permission.CHANNEL_WRITE,
        "修改通道 change a channel",
        body=schemas.ChannelFields,
        answer=schemas.ChannelView,
    ),
    Route(
        DELETE,
        f"{API}/channels/{{id}}",
        channels.remove,
        Permission.CHANNEL_WRITE,
        "移除通道 remove a channel",
        status=204,
    ),
)

_REGISTER = (
    Route(
        GET,
        f"{API}/changes",
        changes.list_,
        Permission.CHANNEL_READ,
        "变更列表 list changes",
        query=changes.ChangesQuery,
        answer=schemas.ChangeList,
    ),
    Route(
        GET,
        f"{API}/changes/{{number}}",
        changes.show,
        Permission.CHANNEL_WRITE,
        "变更内容 show a change",
        answer=schemas.ChangeDetail,
    ),
    Route(
        POST,
        f"{API}/changes/{{number}}/undo",
        changes.undo,
        Permission.CHANNEL_WRITE,
        "撤销变更 undo a change",
        answer=schemas.ChangeView,
    ),
    Route(
        GET,
        f"{API}/platforms",
        platforms.list_,
        Permission.CHANNEL_READ,
        "平台列表 list platforms",
        answer=schemas.PlatformList,
    ),
    Route(
        PUT,
        f"{API}/platforms/{{id}}",
        platforms.put,
        Permission.PLATFORM_WRITE,
        "新增或修改平台 add or change a platform",
        body=schemas.PlatformFields,
        answer=schemas.PlatformView,
    ),
    Route(
        PATCH,
        f"{API}/platforms/{{id}}",
        platforms.change,
        Permission.PLATFORM_WRITE,
        "修改平台 change a platform",
        body=schemas.PlatformFields,
        answer=schemas.PlatformView,
    ),
    Route(
        GET,
        f"{API}/credentials",
        credentials.list_,
        Permission.CREDENTIAL_READ,
        "凭据列表 list credentials",
        answer=schemas.CredentialList,
    ),
    Route(
        PUT,
        f"{API}/credentials/{{name}}",
        credentials.put,
        Permission.CREDENTIAL_WRITE,
        "新增或修改凭据 add or change a credential",
        body=schemas.CredentialFields,
        answer=schemas.CredentialView,
    ),
    Route(
        POST,
        f"{API}/credentials/{{name}}/test",
        trials.credential,
        Permission.CREDENTIAL_WRITE,
        "试用凭据 try a credential",
        body=trials.CredentialTrial,
        answer=trials.TrialList,
    ),
    Route(
        POST,
        f"{API}/secret-key/rotation",
        credentials.rotate,
        Permission.SECRET_ROTATE,
        "更换 secret.key, 服务不停 rotate the key",
        answer=schemas.RotationView,
    ),
    Route(
        POST,
        f"{API}/channels/{{id}}/test",
        trials.channel,
        Permission.CHANNEL_WRITE,
        "试连通道, 说明所用规则 try a channel",
        body=trials.ChannelTrial,
        answer=trials.TrialView,
    ),
)

_ACCESS = (
    Route(
        GET,
        f"{API}/tokens",
        tokens.list_,
        Permission.TOKEN_MANAGE,
        "令牌列表 list tokens",
        answer=schemas.TokenList,
    ),
    Route(
        POST,
        f"{API}/tokens",
        tokens.create,
        Permission.TOKEN_MANAGE,
        "创建令牌 create a token",
        body=schemas.TokenRequest,
        answer=schemas.NewTokenView,
        status=201,
    ),
    Route(
        DELETE,
        f"{API}/tokens/{{id}}",
        tokens.revoke,
        Permission.TOKEN_MANAGE,
        "吊销令牌 revoke a token",
        status=204,
    ),
    Route(
        POST,
        f"{API}/tickets",
        tickets.create,
        Permission.STREAM_WATCH,
        "观看票据 a stream ticket",
        body=schemas.TicketRequest,
        answer=schemas.TicketView,
        status=201,
    ),
)

_STATE = (
    Route(
        POST,
        f"{API}/probes",
        probes.run,
        Permission.PROBE_RUN,
        "立即探测 probe now",
        body=schemas.ProbeRequest,
        answer=probes.NDJSON,
    ),
    Route(
        GET,
        f"{API}/overview",
        fleet.overview,
        Permission.CHANNEL_READ,
        "总览 the fleet in numbers",
        answer=schemas.Overview,
    ),
    Route(
        GET,
        f"{API}/reports/uptime",
        reports.uptime,
        Permission.REPORT_READ,
        "在线率报表 the uptime report",
        query=reports.UptimeQuery,
        answer=reports.UptimeView,
    ),
    Route(
        GET,
        f"{API}/streams",
        fleet.streams,
        Permission.CHANNEL_READ,
        "实时流 live streams",
        answer=schemas.StreamList,
    ),
    Route(
        GET,
        f"{API}/events",
        events.listen,
        Permission.CHANNEL_READ,
        "事件 WebSocket events",
        query=events.EventsQuery,
        answer=events.EventMessage,
        status=101,
    ),
    Route(
        GET,
        f"{API}/openapi.json",
        service.openapi,
        Permission.SESSION_OWN,
        "接口描述 this document",
        answer="application/json",
    ),
)

_PICTURES = (
    Route(
        POST,
        "/whep/{name:.+}",
        whep.watch,
        Permission.STREAM_WATCH,
        "观看 watch a stream (WHEP)",
        query=whep.WhepQuery,
        body=whep.SDP,
        answer=whep.SDP,
        status=201,
    ),
    Route(hdrs.METH_OPTIONS, "/whep/{name:.+}", whep.options, Access.OPEN),
    Route(
        DELETE,
        "/whep-sessions/{id}",
        whep.leave,
        Permission.STREAM_WATCH,
        "结束观看 end a session",
        status=204,
        grace=TICKET_GRACE,
    ),
    Route(
        PATCH,
        "/whep-sessions/{id}",
        whep.trickle,
        Permission.STREAM_WATCH,
        "ICE 候选 trickle ICE",
        body=whep.TRICKLE,
        status=204,
        grace=TICKET_GRACE,
    ),
    Route(hdrs.METH_OPTIONS, "/whep-sessions/{id}", whep.options, Access.OPEN),
)

_SERVICE = (
    Route(
        GET,
        "/metrics",
        service.metrics,
        Permission.METRICS_READ,
        "指标 metrics of process and fleet",
        answer=service.TEXT,
    ),
    Route(
        GET,
        "/metrics/channels",
        service.channel_metrics,
        Permission.METRICS_READ,
        "通道指标 metrics of channels",
        answer=service.TEXT,
    ),
    Route(GET, "/healthz", service.healthz, Access.OPEN, "存活 liveness", answer=service.TEXT),
    Route(GET, "/readyz", service.readyz, Access.OPEN, "就绪 readiness", answer=service.TEXT),
    # Whatever no interface claims is a file of the console, or a page that it routes itself.
    Route(GET, "/{path:(?!api/|whep|whip|metrics).*}", page, Access.OPEN),
)

ROUTES: Sequence[Route] = (
    *_SESSION,
    *_CHANNELS,
    *_REGISTER,
    *_ACCESS,
    *_STATE,
    *_PICTURES,
    *_SERVICE,
)
