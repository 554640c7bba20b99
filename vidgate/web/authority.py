"""The page from which people put the site's certificate authority on their computers.

Open to all: who has not installed it yet cannot sign in safely. It gives out the certificate only.
"""

from html import escape

from aiohttp import web

from vidgate.auth.authority import fingerprint
from vidgate.errors import NotFoundError
from vidgate.web.context import CONTEXT
from vidgate.web.document import document
from vidgate.web.peer import our_name

CERTIFICATE = "application/x-x509-ca-cert"

_STEPS = (
    (
        "Windows",
        "双击下载的文件 → 安装证书 → 本地计算机 → 将所有的证书都放入下列存储: "
        "受信任的根证书颁发机构",
        "open the file, Install Certificate, Local Machine, Trusted Root Certification Authorities",
    ),
    (
        "Android",
        "设置 → 安全 → 加密与凭据 → 安装证书 → CA 证书, 选择下载的文件",
        "Settings, Security, Encryption and credentials, Install a certificate, CA certificate",
    ),
    (
        "iOS",
        "用 Safari 下载 → 设置 → 已下载描述文件 → 安装; 再到 通用 → 关于本机 → 证书信任设置 打开它",
        "download in Safari, install the profile in Settings, then switch it on under General, "
        "About, Certificate Trust Settings",
    ),
    (
        "Linux (统信, 麒麟)",
        "sudo cp vidgate-ca.crt /usr/local/share/ca-certificates/ && sudo update-ca-certificates; "
        "Chromium: 设置 → 隐私和安全 → 管理证书 → 导入",
        "the same two commands; in Chromium: Settings, Privacy and security, Manage certificates",
    ),
)

_BODY = """<h1>安装本单位的证书</h1>
<p>装好之后, 浏览器才信任本系统的 HTTPS, 麦克风, 摄像头和定位才能使用. 每台电脑和手机装一次.</p>
<p lang="en">Browsers then trust this system's HTTPS, and microphone, camera and position work.
Once on each computer and phone.</p>
<p><a class="button" href="/ca.crt" download="vidgate-ca.crt">下载证书 download</a></p>
<h2>先核对指纹 <small lang="en">compare the fingerprint first</small></h2>
<p>安装前向管理员核对 SHA-256 指纹; 不一致就不要安装.
<span lang="en">Ask your administrator; if it differs, do not install.</span></p>
<p><code>{fingerprint}</code></p>
<h2>怎样安装 <small lang="en">how to install</small></h2>
<dl>
{steps}
</dl>
<p>{onwards}</p>
"""


async def page(request: web.Request) -> web.Response:
    """How to install the authority."""
    context = request.app[CONTEXT]
    steps = "\n".join(
        f'<dt>{escape(name)}</dt><dd>{escape(zh)}<br><span lang="en">{escape(en)}</span></dd>'
        for name, zh, en in _STEPS
    )
    # Lines break between bytes; what is copied has no breaks.
    mark = fingerprint(_certificate(request)).replace(":", ":<wbr>")
    onwards = ""
    if context.tls_port:
        place = escape(f"https://{our_name(request)}:{context.tls_port}/", quote=True)
        onwards = f'装好后打开 then open <a href="{place}">{place}</a>'
    body = _BODY.format(fingerprint=mark, steps=steps, onwards=onwards)
    return document("安装证书", body)


async def certificate(request: web.Request) -> web.Response:
    """The authority's certificate."""
    return web.Response(
        body=_certificate(request),
        content_type=CERTIFICATE,
        headers={"Content-Disposition": 'attachment; filename="vidgate-ca.crt"'},
    )


def _certificate(request: web.Request) -> bytes:
    found = request.app[CONTEXT].authority
    if not found:
        raise NotFoundError(
            "没有可安装的证书 / there is no authority to install",
            hint="vidgate cert init, http.tls.ca",
        )
    return found
