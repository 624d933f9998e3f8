"""A circuit opens on a failing backend, lets probes through, and closes when they succeed."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.backends.circuit import Admission, Circuit, Verdict
from schema.health import CircuitState
from tests.fakes import FakeClock


def call(circuit: Circuit, verdict: Verdict) -> None:
    admission = circuit.admit()
    assert admission is not None
    circuit.report(admission, verdict)


def state(circuit: Circuit) -> CircuitState:
    return circuit.state


def opened(clock: FakeClock) -> Circuit:
    circuit = Circuit(clock)
    for _ in range(20):
        call(circuit, Verdict.FAILURE)
    return circuit


def test_opens_at_half_of_twenty() -> None:
    """Nineteen failures are not enough evidence; ten of twenty calls are."""
    circuit = Circuit(FakeClock())

    for verdict in [Verdict.FAILURE] * 10 + [Verdict.SUCCESS] * 9:
        call(circuit, verdict)
    assert state(circuit) is CircuitState.CLOSED
    call(circuit, Verdict.SUCCESS)

    assert state(circuit) is CircuitState.OPEN
    assert circuit.admit() is None


def test_below_half_stays_closed() -> None:
    """Nine failures of twenty calls leave it closed, however alternating."""
    circuit = Circuit(FakeClock())

    for number in range(200):
        call(circuit, Verdict.FAILURE if number % 20 in range(0, 18, 2) else Verdict.SUCCESS)

    assert state(circuit) is CircuitState.CLOSED


def test_failures_leave_the_window() -> None:
    """Failures of more than 30 s ago no longer count."""
    clock = FakeClock()
    circuit = Circuit(clock)
    for _ in range(19):
        call(circuit, Verdict.FAILURE)

    clock.seconds = 30
    call(circuit, Verdict.FAILURE)

    assert state(circuit) is CircuitState.CLOSED


def test_cancelled_calls_say_nothing() -> None:
    """A hundred cancelled calls do not open it."""
    circuit = Circuit(FakeClock())

    for _ in range(100):
        call(circuit, Verdict.CANCELLED)

    assert state(circuit) is CircuitState.CLOSED


def test_three_probes_after_ten_seconds() -> None:
    """It refuses for ten seconds, then lets exactly three out at once and closes when all three succeed."""
    clock = FakeClock()
    circuit = opened(clock)

    clock.seconds = 9.9
    assert circuit.admit() is None
    assert state(circuit) is CircuitState.OPEN
    clock.seconds = 10
    assert state(circuit) is CircuitState.HALF_OPEN
    probes = [circuit.admit() for _ in range(5)]

    assert [probe is not None for probe in probes] == [True, True, True, False, False]
    for probe in probes[:3]:
        assert state(circuit) is CircuitState.HALF_OPEN
        assert probe is not None
        circuit.report(probe, Verdict.SUCCESS)
    assert state(circuit) is CircuitState.CLOSED


def test_a_failing_probe_opens_again() -> None:
    """One failing probe opens it for another ten seconds; its companions' success comes too late."""
    clock = FakeClock()
    circuit = opened(clock)
    clock.seconds = 10
    first, second = circuit.admit(), circuit.admit()
    assert first is not None
    assert second is not None

    circuit.report(first, Verdict.FAILURE)
    circuit.report(second, Verdict.SUCCESS)

    assert state(circuit) is CircuitState.OPEN
    assert circuit.probes_in_s == 10


def test_a_cancelled_probe_gives_its_place_back() -> None:
    """A probe whose caller went away does not block the next one."""
    clock = FakeClock()
    circuit = opened(clock)
    clock.seconds = 10

    for _ in range(10):
        call(circuit, Verdict.CANCELLED)
    for _ in range(3):
        call(circuit, Verdict.SUCCESS)

    assert state(circuit) is CircuitState.CLOSED


def test_calls_from_before_do_not_count() -> None:
    """A call sent before the circuit opened does not close or keep it open later."""
    clock = FakeClock()
    circuit = Circuit(clock)
    late = [circuit.admit() for _ in range(5)]
    for _ in range(20):
        call(circuit, Verdict.FAILURE)
    clock.seconds = 10
    probe = circuit.admit()

    for admission in late:
        assert admission is not None
        circuit.report(admission, Verdict.FAILURE)

    assert probe is not None
    assert state(circuit) is CircuitState.HALF_OPEN


@given(st.lists(st.booleans(), max_size=200))
def test_opens_exactly_when_half_fail(failures: list[bool]) -> None:
    """Over any sequence within the window: open after the first prefix of 20 or more with half of it failed."""
    circuit = Circuit(FakeClock())
    expected = None
    for length in range(20, len(failures) + 1):
        if sum(failures[:length]) * 2 >= length:
            expected = length
            break

    seen = None
    for length, failed in enumerate(failures, 1):
        call(circuit, Verdict.FAILURE if failed else Verdict.SUCCESS)
        if circuit.state is not CircuitState.CLOSED:
            seen = length
            break

    assert seen == expected


class AnyCircuit(RuleBasedStateMachine):
    """Any order of calls, verdicts and passing time."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.circuit = Circuit(self.clock)
        self.out: list[Admission] = []
        self.probes_sent = 0

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 10.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.clock.seconds += seconds

    @rule()
    def send(self) -> None:
        state, refuses = self.circuit.state, self.circuit.refuses
        admission = self.circuit.admit()
        assert (admission is None) == refuses
        assert not (state is CircuitState.OPEN and admission is not None)
        assert not (state is CircuitState.CLOSED and admission is None)
        if admission is not None:
            self.out.append(admission)

    @precondition(lambda self: bool(self.out))
    @rule(data=st.data(), verdict=st.sampled_from(Verdict))
    def end(self, data: st.DataObject, verdict: Verdict) -> None:
        place = data.draw(st.integers(0, len(self.out) - 1))
        self.circuit.report(self.out.pop(place), verdict)

    @invariant()
    def a_way_back(self) -> None:
        """It is never stuck: waiting ten seconds always ends an open state."""
        assert self.circuit.probes_in_s <= 10
        if self.circuit.state is CircuitState.HALF_OPEN and not self.out:
            assert not self.circuit.refuses


TestAnyCircuit = AnyCircuit.TestCase
TestAnyCircuit.settings = settings(max_examples=50, stateful_step_count=60, deadline=None)
