from vidgate.auth import opaque


def test_secrets_are_long_and_differ() -> None:
    sessions = {opaque.new_session() for _ in range(50)}
    tokens = {opaque.new_token() for _ in range(50)}
    assert len(sessions) == len(tokens) == 50
    assert min(map(len, sessions)) >= 43  # 256 bits in base64
    assert all(token.startswith("vg_") for token in tokens)


def test_a_fingerprint_takes_any_text_that_a_header_can_hold() -> None:
    assert opaque.fingerprint("a") == opaque.fingerprint("a") != opaque.fingerprint("b")
    assert len(opaque.fingerprint("\udc80\ud800")) == 64
