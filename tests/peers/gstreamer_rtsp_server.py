"""GStreamer's RTSP server as a camera or a recorder. Run by the system's python3 and its bindings.

    gstreamer_rtsp_server.py --username U --password P [--codec h264|h265] [--audio pcma|pcmu|aac]
        [--transport tcp|udp|any] [--host ADDRESS] [--number N] [--tls CERTIFICATE KEY]
        [--recorded FROM TO]

Serves /camera on a free port of 127.0.0.1, or of the address given: pictures that carry the number
and a frame counter in the layout of design.md 10, and a tone of 400 + 8 x (N mod 256) Hz; both
encoded by GStreamer's plugins. With `--recorded` (seconds since 1970) /camera is a recording of
pictures alone, for ONVIF replay: the counter is 0 at FROM. Prints `listening PORT`, and
`sessions N` at each change. Needs python3-gi, gir1.2-gst-rtsp-server-1.0, GStreamer's good, bad,
ugly and libav plugins, and glib-networking for TLS.
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

EPOCH = 2208988800  # seconds from 1900, from which the server counts, to 1970
VIDEO = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max={group} bitrate=800 "
    "! video/x-h264,profile=baseline",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max={group} bitrate=800",
}
PAYLOAD = {
    "h264": "rtph264pay pt=96 config-interval=-1",
    "h265": "rtph265pay pt=96 config-interval=-1",
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


def admit(factory: GstRtspServer.RTSPMediaFactory, options: argparse.Namespace) -> None:
    """Let viewers in, each to a pipeline of its own."""
    # A shared one answers 503 to whoever comes while it is being taken down for the last.
    factory.set_shared(False)
    factory.set_protocols(TRANSPORTS[options.transport])
    factory.set_enable_rtcp(not options.no_reports)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


def pipeline(source: str, options: argparse.Namespace, stamp: str, others: str = "") -> Gst.Bin:
    """A source of pictures called `pictures`, their encoder, and what makes packets of them.

    `stamp`: what writes the time into packets, if anything does.
    """
    caps = f"video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={options.rate}/1"
    encoder = VIDEO[options.codec].format(group=options.group)
    whole = Gst.parse_bin_from_description(
        f"{others} appsrc name=pictures format=time caps={caps} {source} "
        f"! {encoder} ! identity name=encoded",
        False,
    )
    packets = Gst.parse_bin_from_description(f"{PAYLOAD[options.codec]} {stamp}", True)
    packets.set_name("pay0")  # by which the server finds it
    whole.add(packets)
    whole.get_by_name("encoded").link(packets)
    return whole


class Camera(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """Makes the pipeline of each viewer and feeds its pictures."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__()
        self.options = options
        admit(self, options)
        self.connect("media-configure", self.configure)

    def do_create_element(self, _: object) -> Gst.Element:
        """Live pictures and a tone."""
        options = self.options
        tone = 400 + 8 * (options.number % 256)
        return pipeline(
            "is-live=true max-bytes=0 max-buffers=4",
            options,
            "! rtponviftimestamp" if options.stamped else "",
            f"audiotestsrc is-live=true freq={tone} ! {AUDIO[options.audio]}",
        )

    def configure(self, _: object, media: GstRtspServer.RTSPMedia) -> None:
        """A pipeline was made: give it so many pictures a second, while it wants any."""
        source = media.get_element().get_by_name_recurse_up("pictures")
        counter = 0
        duration = Gst.SECOND // self.options.rate
        state = {"wants": False, "over": False}
        source.connect("need-data", lambda *_: state.update(wants=True))
        source.connect("enough-data", lambda *_: state.update(wants=False))
        media.connect("unprepared", lambda *_: state.update(over=True))

        def push() -> bool:
            nonlocal counter
            if state["over"] or not state["wants"]:
                return not state["over"]
            buffer = Gst.Buffer.new_wrapped(picture(self.options.number, counter))
            buffer.pts = counter * duration
            buffer.duration = duration
            counter += 1
            return bool(source.emit("push-buffer", buffer) == Gst.FlowReturn.OK)

        GLib.timeout_add(1000 // self.options.rate, push)


class Recorder(GstRtspServer.RTSPOnvifMediaFactory):  # type: ignore[misc]
    """Plays what was recorded from one moment to another, in the time that the server counts."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__()
        self.options = options
        admit(self, options)
        self.set_media_gtype(GstRtspServer.RTSPOnvifMedia)
        self.set_replay_support(True)

    def do_create_element(self, _: object) -> Gst.Element:
        """A film in which can be sought; its packets carry the time, the last one that it ends."""
        first, end = ((moment + EPOCH) * Gst.SECOND for moment in self.options.recorded)
        whole = pipeline(
            f"stream-type=seekable max-buffers=1 duration={end}",
            self.options,
            "! rtponviftimestamp ntp-offset=0 set-e-bit=true set-t-bit=true ! queue",
        )
        duration = Gst.SECOND // self.options.rate
        counter = 0

        def seek(_: object, moment: int) -> bool:
            nonlocal counter
            counter = max(0, -((first - moment) // duration))
            return True

        def give(source: Gst.Element, _: int) -> None:
            nonlocal counter
            moment = first + counter * duration
            if moment >= end:
                source.emit("end-of-stream")
                return
            buffer = Gst.Buffer.new_wrapped(picture(self.options.number, counter))
            buffer.pts, buffer.duration = moment, duration
            counter += 1
            source.emit("push-buffer", buffer)

        source = whole.get_by_name("pictures")
        source.connect("seek-data", seek)
        source.connect("need-data", give)
        return whole


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
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--number", type=int, default=1)
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--group", type=int, default=25)  # pictures from a key frame to the next
    parser.add_argument("--stamped", action="store_true")  # packets carry the time, by ONVIF
    parser.add_argument("--no-reports", action="store_true")  # no RTCP
    parser.add_argument("--recorded", nargs=2, type=int)
    parser.add_argument("--tls", nargs=2)
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPOnvifServer()
    server.set_address(options.host)
    server.set_service("0")
    protect(server, options)
    factory = Recorder(options) if options.recorded else Camera(options)
    server.get_mount_points().add_factory("/camera", factory)
    server.attach(None)
    pool = server.get_session_pool()

    def told(*_: object) -> None:
        print("sessions", pool.get_n_sessions(), flush=True)

    pool.connect("session-removed", told)
    print("listening", server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
