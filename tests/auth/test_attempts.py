from vidgate.auth.attempts import Attempts


def test_the_limit_holds_within_the_window_and_ends_with_it() -> None:
    attempts = Attempts(300.0)
    assert [attempts.take({"a": 3}, now) for now in (0.0, 10.0, 20.0)] == [0, 0, 0]
    assert attempts.take({"a": 3}, 30.0) == 270.0
    assert attempts.take({"a": 3}, 299.0) == 1.0
    assert attempts.take({"a": 3}, 300.0) == 0


def test_a_refused_attempt_does_not_prolong_the_pause() -> None:
    attempts = Attempts(300.0)
    assert attempts.take({"a": 1}, 0.0) == 0
    for now in range(1, 300):
        assert attempts.take({"a": 1}, float(now)) > 0
    assert attempts.take({"a": 1}, 300.0) == 0


def test_one_full_key_stops_all_and_counts_none() -> None:
    attempts = Attempts(300.0)
    assert attempts.take({"a": 1, "b": 9}, 0.0) == 0
    assert attempts.take({"a": 1, "c": 1}, 1.0) > 0
    assert attempts.take({"c": 1}, 2.0) == 0


def test_success_forgets() -> None:
    attempts = Attempts(300.0)
    assert attempts.take({"a": 1}, 0.0) == 0
    attempts.forget("a", "never seen")
    assert attempts.take({"a": 1}, 1.0) == 0


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    attempts = Attempts(300.0, keys=10)
    for number in range(100):
        assert attempts.take({str(number): 1}, 0.0) == 0
    assert attempts.take({"99": 1}, 0.0) > 0
    assert attempts.take({"0": 1}, 0.0) == 0


def test_a_success_is_no_guess_and_hides_none() -> None:
    attempts = Attempts(300.0)
    for now in range(100):
        assert attempts.take({"address": 3}, float(now)) == 0
        attempts.forgive("address", "never seen")
    for _ in range(3):
        assert attempts.take({"address": 3}, 100.0) == 0
    assert attempts.take({"address": 3}, 101.0) > 0


def test_what_was_counted_for_a_user_is_forgotten_whoever_guessed() -> None:
    attempts = Attempts(300.0)
    for number in range(3):
        limits = {f"10.0.{number}.0|admin": 1, f"10.0.{number}.0": 9, "|admin": 3}
        assert attempts.take(limits, 0.0) == 0
    assert attempts.take({"|sysadmin": 1}, 0.0) == 0
    attempts.forget_user("admin")
    assert attempts.take({"10.0.0.0|admin": 1, "|admin": 1}, 1.0) == 0
    assert attempts.take({"|sysadmin": 1}, 1.0) > 0
    assert attempts.take({"10.0.0.0": 1}, 1.0) > 0
