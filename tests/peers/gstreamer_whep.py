"""GStreamer's webrtcbin as a WHEP viewer. Run by the system's python3, which has the bindings.

    gstreamer_whep.py URL --codec h264|h265 --into FILE [--token T] [--level 93] [--host 127.0.0.1]

Writes the pictures to FILE as one byte stream, parameter sets included, until it is told to stop.
Prints `answer STATUS` (with the body of a refusal), `cipher NAME`, `pictures N` now and then.
Needs python3-gi, gir1.2-gst-plugins-bad-1.0, gstreamer1.0-nice and GStreamer's bad plugins.
"""

import argparse
import urllib.error
import urllib.request
from typing import Any

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import (  # type: ignore[import-not-found]  # noqa: E402
    GLib,
    Gst,
    GstSdp,
    GstWebRTC,
)

EVERY = 10  # pictures between two lines that tell how many came


def video_caps(codec: str, level: int) -> Gst.Caps:
    """What is offered; without fmtp a level of 3.1 is meant (RFC 7798 7.1)."""
    caps = (
        f"application/x-rtp,media=video,payload=96,clock-rate=90000,encoding-name={codec.upper()}"
    )
    if codec == "h264":
        caps += ",packetization-mode=(string)1,profile-level-id=(string)42e01f"
    elif level:
        caps += f",level-id=(string){level},profile-id=(string)1,tier-flag=(string)0"
    return Gst.Caps.from_string(caps)


class Viewer:
    """One pipeline with one webrtcbin."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.pictures = 0
        self.pipeline = Gst.Pipeline.new("viewer")
        self.bin: Any = Gst.ElementFactory.make("webrtcbin", "peer")
        self.bin.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.bin)
        # Kept: the agent's first reference is a floating one, which the binding would take with it.
        self.agent = self.bin.get_property("ice-agent")
        self.agent.emit("add-local-ip-address", options.host)
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        self.bin.emit("add-transceiver", direction, video_caps(options.codec, options.level))
        self.bin.connect("pad-added", self.added)
        self.bin.connect("notify::ice-gathering-state", self.gathered)
        self.bin.connect("notify::connection-state", self.changed)

    def start(self) -> None:
        """Make the offer; it is sent once all candidates are known."""
        self.pipeline.set_state(Gst.State.PLAYING)
        made = Gst.Promise.new_with_change_func(self.offered)
        self.bin.emit("create-offer", None, made)

    def offered(self, promise: Gst.Promise, *_: object) -> None:
        """The offer is there."""
        reply = promise.get_reply()  # the offer lives as long as this does
        offer = reply.get_value("offer")
        self.bin.emit("set-local-description", offer, Gst.Promise.new())

    def gathered(self, *_: object) -> None:
        """All candidates are known: ask for the stream."""
        state = self.bin.get_property("ice-gathering-state")
        if state == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            GLib.idle_add(self.ask)

    def ask(self) -> bool:
        """POST the offer, take the answer."""
        text = self.bin.get_property("local-description").sdp.as_text()
        headers = {"Content-Type": "application/sdp"}
        if self.options.token:
            headers["Authorization"] = f"Bearer {self.options.token}"
        request = urllib.request.Request(self.options.url, text.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                answer = response.read().decode()
                print("answer", response.status, flush=True)
        except urllib.error.HTTPError as error:
            print("answer", error.code, error.read().decode(), flush=True)
            return False
        for line in answer.splitlines():
            if line.startswith(("a=fmtp", "a=rtpmap")):
                print(line, flush=True)
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        description = GstWebRTC.WebRTCSessionDescription.new(kind, message)
        self.bin.emit("set-remote-description", description, Gst.Promise.new())
        return False

    def changed(self, *_: object) -> None:
        """Tell the state of the connection."""
        state = self.bin.get_property("connection-state")
        print("connection", state.value_nick, flush=True)

    def added(self, _: object, pad: Gst.Pad) -> None:
        """Media: write it down as one byte stream."""
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        codec = self.options.codec
        caps = f"video/x-{codec},stream-format=byte-stream,alignment=au"
        sink = Gst.parse_bin_from_description(
            f"rtp{codec}depay ! {codec}parse ! {caps} "
            f"! filesink name=file buffer-mode=unbuffered sync=false location={self.options.into}",
            True,
        )
        sink.get_by_name("file").get_static_pad("sink").add_probe(
            Gst.PadProbeType.BUFFER, self.counted
        )
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))
        print("media", pad.get_current_caps().to_string(), flush=True)

    def counted(self, *_: object) -> Gst.PadProbeReturn:
        """One picture more."""
        self.pictures += 1
        if self.pictures % EVERY == 0:
            print("pictures", self.pictures, flush=True)
        return Gst.PadProbeReturn.OK


def main() -> None:
    """Watch until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--codec", choices=("h264", "h265"), required=True)
    parser.add_argument("--into", required=True)
    parser.add_argument("--token", default="")
    parser.add_argument("--level", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    Gst.init(None)
    Viewer(parser.parse_args()).start()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
