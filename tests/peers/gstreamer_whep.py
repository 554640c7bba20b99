"""GStreamer's webrtcbin as a WHEP viewer. Run by the system's python3, which has the bindings.

    gstreamer_whep.py URL --codec h264|h265 --into FILE [--token T] [--level 93] [--host 127.0.0.1]
                      [--sound before|after] [--max-bundle]

Writes the pictures to FILE as one byte stream, parameter sets included, until it is told to stop;
with `--sound`, offered before or after them, G.711 A-law to FILE.alaw. Bundles nothing by itself.
Prints `answer STATUS` (with the body of a refusal), `pictures N` and `sounds N` now and then.
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

EVERY = 10  # pictures, or packets of sound, between two lines that tell how many came
SOUND = "application/x-rtp,media=audio,payload=8,clock-rate=8000,encoding-name=PCMA"


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
        self.counts = {"pictures": 0, "sounds": 0}
        self.pipeline = Gst.Pipeline.new("viewer")
        self.bin: Any = Gst.ElementFactory.make("webrtcbin", "peer")
        if options.max_bundle:
            self.bin.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.bin)
        # Kept: the agent's first reference is a floating one, which the binding would take with it.
        self.agent = self.bin.get_property("ice-agent")
        self.agent.emit("add-local-ip-address", options.host)
        offered = [video_caps(options.codec, options.level)]
        if options.sound:
            sound = Gst.Caps.from_string(SOUND)
            offered.insert(0 if options.sound == "before" else 1, sound)
        for caps in offered:
            direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
            self.bin.emit("add-transceiver", direction, caps)
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
        codec, into = self.options.codec, self.options.into
        if pad.get_current_caps().get_structure(0).get_string("media") == "audio":
            what, elements, into = "sounds", "rtppcmadepay", into + ".alaw"
        else:
            caps = f"video/x-{codec},stream-format=byte-stream,alignment=au"
            what, elements = "pictures", f"rtp{codec}depay ! {codec}parse ! {caps}"
        sink = Gst.parse_bin_from_description(
            f"{elements} ! filesink name=file buffer-mode=unbuffered sync=false location={into}",
            True,
        )
        sink.get_by_name("file").get_static_pad("sink").add_probe(
            Gst.PadProbeType.BUFFER, self.counted, what
        )
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))
        print("media", pad.get_current_caps().to_string(), flush=True)

    def counted(self, _: Gst.Pad, __: Gst.PadProbeInfo, what: str) -> Gst.PadProbeReturn:
        """One picture, or one packet of sound, more."""
        self.counts[what] += 1
        if self.counts[what] % EVERY == 0:
            print(what, self.counts[what], flush=True)
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
    parser.add_argument("--sound", choices=("before", "after"))
    parser.add_argument("--max-bundle", action="store_true")
    Gst.init(None)
    Viewer(parser.parse_args()).start()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
