"""What text protocols share: buffer, message, headers, digest, SDP, URI. No I/O."""
