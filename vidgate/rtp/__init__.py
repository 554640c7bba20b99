"""RTP and RTCP; everything but `transport` works on bytes alone."""
