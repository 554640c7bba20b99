from vidgate.simulator.impairment import OVERTAKEN_BY, Impairment


def fates(impairment: Impairment, count: int = 5000) -> list[tuple[float, ...]]:
    return [impairment.due(at * 0.001) for at in range(count)]


def test_the_same_seed_has_the_same_fate() -> None:
    first, second = (Impairment(7, loss=0.1, reorder=0.1, jitter=0.01) for _ in range(2))
    assert fates(first) == fates(second)
    assert fates(Impairment(8, loss=0.1)) != fates(Impairment(7, loss=0.1))


def test_shares_are_kept() -> None:
    impairment = Impairment(1, loss=0.2, reorder=0.05, duplicate=0.1)
    found = fates(impairment, 20_000)
    lost, doubled = found.count(()), sum(len(fate) == 2 for fate in found)
    assert abs(lost / 20_000 - 0.2) < 0.01
    assert impairment.lost == lost
    assert abs(doubled / 20_000 - 0.8 * 0.95 * 0.1) < 0.01


def test_jitter_keeps_the_order_and_reorder_breaks_it() -> None:
    ordered = [fate[0] for fate in fates(Impairment(3, delay=0.01, jitter=0.03))]
    assert ordered == sorted(ordered)
    assert all(due - at * 0.001 >= 0.01 for at, due in enumerate(ordered))
    mixed = [fate[0] for fate in fates(Impairment(3, reorder=0.05))]
    assert mixed != sorted(mixed)
    assert max(due - at * 0.001 for at, due in enumerate(mixed)) <= OVERTAKEN_BY + 1e-9


def test_what_is_off_does_nothing() -> None:
    assert fates(Impairment(), 3) == [(0.0,), (0.001,), (0.002,)]
