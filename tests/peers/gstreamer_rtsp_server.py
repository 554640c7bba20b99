"""GStreamer's RTSP server as a camera. Run by the system's python3, which has the bindings.

    gstreamer_rtsp_server.py --username U --password P [--codec h264|h265] [--audio pcma|pcmu|aac]
        [--transport tcp|udp|any] [--number N] [--tls CERTIFICATE KEY]

Serves /camera on a free port of 127.0.0.1: pictures that carry the number and a frame counter in
the layout of design.md 10, and a tone of 400 + 8 x (N mod 256) Hz; both encoded by GStreamer's
plugins. Prints `listening PORT`, and `sessions N` at each change.
Needs python3-gi, gir1.2-gst-rtsp-server-1.0, GStreamer's good, bad, ugly and libav plugins, and
glib-networking for TLS.
"""

import argparse
import sys
from pathlib import Path

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import (  # type: ignore[import-not-found]  # noqa: E402
    Gio,
    GLib,
    Gst,
    GstRtsp,
    GstRtspServer,
)

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.peers.coded_picture import HEIGHT, RATE, WIDTH, picture  # noqa: E402

VIDEO = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max={group} bitrate=800 "
    "! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 config-interval=-1",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max={group} bitrate=800 "
    "! rtph265pay name=pay0 pt=96 config-interval=-1",
}
AUDIO = {
    "pcma": "audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8",
    "pcmu": "audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1 pt=0",
    "aac": "audio/x-raw,rate=16000,channels=1 ! avenc_aac bitrate=48000 ! aacparse "
    "! rtpmp4gpay name=pay1 pt=97",
    "latm": "audio/x-raw,rate=16000,channels=1 ! avenc_aac bitrate=48000 ! aacparse "
    "! rtpmp4apay name=pay1 pt=97",
}
TRANSPORTS = {
    "tcp": GstRtsp.RTSPLowerTrans.TCP,
    "udp": GstRtsp.RTSPLowerTrans.UDP,
    "any": GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP,
}


class Camera(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """Makes the pipeline of each viewer and feeds its pictures."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__()
        self.number = options.number
        self.rate = options.rate
        tone = 400 + 8 * (self.number % 256)
        self.set_launch(
            "( appsrc name=pictures is-live=true format=time max-bytes=0 max-buffers=4 "
            f"caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={self.rate}/1 "
            f"! {VIDEO[options.codec].format(group=options.group)} "
            f"audiotestsrc is-live=true freq={tone} ! {AUDIO[options.audio]} )"
        )
        # A shared one answers 503 to whoever comes while it is being taken down for the last.
        self.set_shared(False)
        self.set_protocols(TRANSPORTS[options.transport])
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        self.set_permissions(permissions)
        self.connect("media-configure", self.configure)

    def configure(self, _: object, media: GstRtspServer.RTSPMedia) -> None:
        """A pipeline was made: give it so many pictures a second, while it wants any."""
        source = media.get_element().get_by_name_recurse_up("pictures")
        counter = 0
        duration = Gst.SECOND // self.rate
        state = {"wants": False, "over": False}
        source.connect("need-data", lambda *_: state.update(wants=True))
        source.connect("enough-data", lambda *_: state.update(wants=False))
        media.connect("unprepared", lambda *_: state.update(over=True))

        def push() -> bool:
            nonlocal counter
            if state["over"] or not state["wants"]:
                return not state["over"]
            buffer = Gst.Buffer.new_wrapped(picture(self.number, counter))
            buffer.pts = counter * duration
            buffer.duration = duration
            counter += 1
            return bool(source.emit("push-buffer", buffer) == Gst.FlowReturn.OK)

        GLib.timeout_add(1000 // self.rate, push)


def protect(server: GstRtspServer.RTSPServer, options: argparse.Namespace) -> None:
    """Ask for Digest on everything; with a certificate, over TLS alone."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth.add_digest(options.username, options.password, token)
    if options.tls:
        pem = "".join(Path(name).read_text() for name in options.tls)
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_pem(pem, -1))
    server.set_auth(auth)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--codec", choices=VIDEO, default="h264")
    parser.add_argument("--audio", choices=AUDIO, default="pcma")
    parser.add_argument("--transport", choices=TRANSPORTS, default="any")
    parser.add_argument("--number", type=int, default=1)
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--group", type=int, default=25)  # pictures from a key frame to the next
    parser.add_argument("--tls", nargs=2)
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    protect(server, options)
    server.get_mount_points().add_factory("/camera", Camera(options))
    server.attach(None)
    pool = server.get_session_pool()

    def told(*_: object) -> None:
        print("sessions", pool.get_n_sessions(), flush=True)

    pool.connect("session-removed", told)
    print("listening", server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
