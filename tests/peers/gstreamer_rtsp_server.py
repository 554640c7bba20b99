"""GStreamer's RTSP server as a camera. Run by the system's python3, which has the bindings.

    gstreamer_rtsp_server.py --username U --password P [--codec h264|h265] [--transport tcp|udp]

Serves rtsp://127.0.0.1:PORT/camera and prints `listening PORT`; `sessions N` at each change.
Needs python3-gi, gir1.2-gst-rtsp-server-1.0 and GStreamer's good, bad and ugly plugins.
"""

import argparse

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import (  # type: ignore[import-not-found]  # noqa: E402
    GLib,
    Gst,
    GstRtsp,
    GstRtspServer,
)

VIDEO = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=500 "
    "! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 config-interval=-1",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=500 "
    "! rtph265pay name=pay0 pt=96 config-interval=-1",
}
TRANSPORTS = {
    "tcp": GstRtsp.RTSPLowerTrans.TCP,
    "udp": GstRtsp.RTSPLowerTrans.UDP,
    "any": GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP,
}


def protect(server: GstRtspServer.RTSPServer, username: str, password: str) -> None:
    """Ask for Digest on everything."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth.add_digest(username, password, token)
    server.set_auth(auth)


def factory(codec: str, transport: str) -> GstRtspServer.RTSPMediaFactory:
    """One camera: a moving ball and a tone."""
    made = GstRtspServer.RTSPMediaFactory()
    made.set_launch(
        "( videotestsrc is-live=true pattern=ball "
        f"! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! {VIDEO[codec]} "
        "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 "
        "! alawenc ! rtppcmapay name=pay1 pt=8 )"
    )
    # A shared one answers 503 to whoever comes while it is being taken down for the last viewer.
    made.set_shared(False)
    made.set_protocols(TRANSPORTS[transport])
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    made.set_permissions(permissions)
    return made


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--codec", choices=VIDEO, default="h264")
    parser.add_argument("--transport", choices=TRANSPORTS, default="any")
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    protect(server, options.username, options.password)
    server.get_mount_points().add_factory("/camera", factory(options.codec, options.transport))
    server.attach(None)
    pool = server.get_session_pool()

    def told(*_: object) -> None:
        print("sessions", pool.get_n_sessions(), flush=True)

    pool.connect("session-removed", told)
    print("listening", server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
