"""What a receiver knows of a sender, and the report block it owes (RFC 3550 6.4.1, A.3, A.8)."""

from vidgate.rtp.rtcp import ReportBlock, SenderReport, middle, unix_from_ntp


class Reception:
    """Counts of one synchronisation source. Instants are monotonic seconds, jitter in ticks."""

    __slots__ = (
        "_arrival",
        "_base",
        "_expected_before",
        "_following",
        "_received_before",
        "_report_at",
        "_report_ntp",
        "_report_unix",
        "_stamp",
        "_timestamp",
        "clock_rate",
        "highest",
        "jitter",
        "received",
        "ssrc",
    )

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.received = 0
        self.highest = -1
        self.jitter = 0.0
        self._following = -1  # the sequence number that would be in order
        self._base = 0
        self._expected_before = 0
        self._received_before = 0
        self._timestamp = -1
        self._arrival = 0.0
        self._report_ntp = 0
        self._report_at = 0.0
        self._report_unix: float | None = None
        self._stamp: tuple[float, float] | None = None

    @property
    def expected(self) -> int:
        """Packets that should have come."""
        return self.highest - self._base + 1 if self.received else 0

    @property
    def lost(self) -> int:
        """Packets that never came; negative when duplicates did."""
        return self.expected - self.received

    def packet(self, sequence: int, timestamp: int, arrival: float) -> None:
        """Count a packet. Jitter is measured on the first packet of each timestamp."""
        if sequence == self._following and sequence:  # neither lost nor late nor wrapped to 0
            self.highest += 1
            self._following = sequence + 1
        else:
            self._out_of_order(sequence)
        self.received += 1
        if timestamp != self._timestamp:
            self._jitter(timestamp, arrival)

    def _out_of_order(self, sequence: int) -> None:
        step = (sequence - self.highest) & 0xFFFF
        if self.received == 0:
            self._base = self.highest = sequence
        elif step < 0x8000:
            self.highest += step
        self._following = (self.highest + 1) & 0xFFFF

    def _jitter(self, timestamp: int, arrival: float) -> None:
        if self._timestamp >= 0:
            step = (timestamp - self._timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            deviation = abs((arrival - self._arrival) * self.clock_rate - step)
            if deviation < 10 * self.clock_rate:  # beyond, the camera's clock has jumped
                self.jitter += (deviation - self.jitter) / 16
        self._timestamp = timestamp
        self._arrival = arrival

    def report(self, sent: SenderReport, now: float) -> None:
        """Remember the sender's report, for LSR and DLSR."""
        self._report_ntp = middle(sent.ntp)
        self._report_at = now
        told = unix_from_ntp(sent.ntp)
        self._report_unix = told if told >= 0 else None

    def stamped(self, told: float, now: float) -> None:
        """Remember the wall-clock time in a packet; one before 1970 counts from a start."""
        if told >= 0:
            self._stamp = told, now

    @property
    def jitter_seconds(self) -> float:
        """Interarrival jitter (RFC 3550 A.8) in seconds."""
        return self.jitter / self.clock_rate

    def clock_offset(self, ahead: float) -> float | None:
        """By how many seconds the sender's clock is ahead of ours, by its last report.

        `ahead`: our wall clock less our monotonic one. None before a report, and for one that says
        it has no wall clock (RFC 3550 6.4.1: zero, or the time since it started, which is before
        1970). It is too small by the time that the report travelled.
        """
        if self._report_unix is None:
            return None
        return self._report_unix - (self._report_at + ahead)

    def stamp_offset(self, ahead: float) -> float | None:
        """The same by the last time that a packet carried, which is when its picture was filmed:
        too small also by what encoding took, and by the age of a picture that was kept back.
        """
        return None if self._stamp is None else self._stamp[0] - (self._stamp[1] + ahead)

    def block(self, now: float) -> ReportBlock:
        """The report block due now; the fraction lost is that since the last call."""
        expected = self.expected - self._expected_before
        received = self.received - self._received_before
        self._expected_before = self.expected
        self._received_before = self.received
        lost = expected - received
        fraction = min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0
        delay = int((now - self._report_at) * 65536) if self._report_ntp else 0
        return ReportBlock(
            self.ssrc,
            fraction,
            self.lost,
            self.highest & 0xFFFFFFFF,
            int(self.jitter) & 0xFFFFFFFF,
            self._report_ntp,
            min(delay, 0xFFFFFFFF),
        )
