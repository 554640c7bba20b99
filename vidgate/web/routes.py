"""The table of all routes: who may call what. There is no other way in."""

from collections.abc import Sequence

from aiohttp import hdrs, web

from vidgate.model.user import Permission
from vidgate.web import (
    alarms,
    authority,
    events,
    fleet,
    maintenance,
    playback,
    probes,
    reports,
    runbooks,
    schemas,
    service,
    sessions,
    tickets,
    tokens,
    users,
    whep,
)
from vidgate.web.access import TICKET_GRACE
from vidgate.web.context import CONTEXT
from vidgate.web.register_routes import CHANNELS, REGISTER
from vidgate.web.route import API, Access, Route

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
        body=sessions.SignIn,
        answer=sessions.SessionView,
    ),
    Route(
        GET,
        f"{API}/session",
        sessions.show,
        Permission.SESSION_OWN,
        "当前用户 who am I",
        answer=sessions.SessionView,
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

_ACCESS = (
    Route(
        GET,
        f"{API}/tokens",
        tokens.list_,
        Permission.TOKEN_MANAGE,
        "令牌列表 list tokens",
        answer=tokens.TokenList,
    ),
    Route(
        POST,
        f"{API}/tokens",
        tokens.create,
        Permission.TOKEN_MANAGE,
        "创建令牌 create a token",
        body=tokens.TokenRequest,
        answer=tokens.NewTokenView,
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
        f"{API}/users/{{name}}/password",
        users.renew_password,
        Permission.USER_MANAGE,
        "重设密码: 新的随机密码只显示一次 a new random password, shown once",
        answer=users.NewPasswordView,
    ),
    Route(
        POST,
        f"{API}/tickets",
        tickets.create,
        Permission.STREAM_WATCH,
        "观看票据 a stream ticket",
        body=tickets.TicketRequest,
        answer=tickets.TicketView,
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
        f"{API}/maintenance",
        maintenance.list_,
        Permission.CHANNEL_READ,
        "检修时段 maintenance windows",
        query=maintenance.MaintenanceQuery,
        answer=maintenance.WindowList,
    ),
    Route(
        POST,
        f"{API}/maintenance",
        maintenance.add,
        Permission.CHANNEL_WRITE,
        "新增检修时段; 过去的即免责 add a window, or an excuse",
        body=maintenance.NewWindow,
        answer=maintenance.WindowView,
        status=201,
    ),
    Route(
        POST,
        f"{API}/maintenance/{{id}}/end",
        maintenance.end,
        Permission.CHANNEL_WRITE,
        "结束检修时段 end a window",
        answer=maintenance.WindowView,
    ),
    Route(
        GET,
        f"{API}/alarms",
        alarms.list_,
        Permission.ALARM_READ,
        "告警列表 list alarms",
        query=alarms.AlarmQuery,
        answer=alarms.AlarmList,
    ),
    Route(
        GET,
        f"{API}/alarms/{{id}}",
        alarms.show,
        Permission.ALARM_READ,
        "告警、成员通道与处置 an alarm",
        answer=alarms.AlarmView,
    ),
    Route(
        POST,
        f"{API}/alarms/{{id}}/acknowledge",
        alarms.acknowledge,
        Permission.ALARM_HANDLE,
        "确认告警 acknowledge an alarm",
        body=alarms.Remark,
        answer=alarms.AlarmItem,
    ),
    Route(
        POST,
        f"{API}/alarms/{{id}}/note",
        alarms.note,
        Permission.ALARM_HANDLE,
        "告警备注 add a note",
        body=alarms.Remark,
        answer=alarms.AlarmItem,
    ),
    Route(
        POST,
        f"{API}/alarms/{{id}}/close",
        alarms.close,
        Permission.ALARM_HANDLE,
        "关闭告警 close an alarm",
        body=alarms.Remark,
        answer=alarms.AlarmItem,
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
        GET,
        "/whep-sessions/{id}",
        whep.show,
        Permission.STREAM_WATCH,
        "观看的状态 a session: live, or which moment of a recording",
        answer=whep.WatchView,
        grace=TICKET_GRACE,
    ),
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
    Route(
        POST,
        f"{API}/playback",
        playback.report,
        Permission.STREAM_WATCH,
        "播放体验上报 what a page's viewers saw",
        body=playback.PlaybackReport,
        status=204,
    ),
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
    Route(GET, "/ca", authority.page, Access.OPEN),
    Route(GET, "/ca.crt", authority.certificate, Access.OPEN),
    Route(GET, "/help/alerts", runbooks.index, Access.OPEN),
    Route(GET, "/help/alerts/{name}", runbooks.page, Access.OPEN),
    Route(GET, "/{path:(?!api/|whep|whip|metrics).*}", page, Access.OPEN),
)

ROUTES: Sequence[Route] = (
    *_SESSION,
    *CHANNELS,
    *REGISTER,
    *_ACCESS,
    *_STATE,
    *_PICTURES,
    *_SERVICE,
)
