"""Pictures to browsers: one UDP port, ICE-lite, DTLS, SRTP, WHEP."""
