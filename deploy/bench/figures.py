"""Figures, and how they are shown: a table for people, JSON for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

from onhand.deploy.bench.samples import Span


@dataclass(frozen=True, slots=True)
class Rate:
    """Pieces a second, and the CPU that each costs. `at_least` and `aim` in pieces a second, for two cores."""

    bench: str
    load: str
    count: int
    seconds: float
    per_s: float
    cpu_us: Mapping[str, float]
    pace_us: float
    """How slow a core was right afterwards: CPU time of a fixed piece of Python."""
    at_least: float | None = None
    aim: float | None = None
    verified: Mapping[str, int] = field(default_factory=dict)
    """Decisions by outcome, all of them looked at."""

    @staticmethod
    def of(
        bench: str, load: str, span: Span, at_least: float | None = None, aim: float | None = None,
        verified: Mapping[str, int] | None = None,
    ) -> "Rate":  # fmt: skip
        """From what was watched."""
        return Rate(
            bench, load, span.count, span.seconds, span.per_s, span.cpu_us, span.pace_us, at_least, aim, verified or {}
        )


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times the one rate is the other: of the gate that of the plain agent, of orders that of commands."""

    bench: str
    load: str
    ratio: float
    at_least: float | None = None
    aim: float | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from one event to another. `at_least` and `aim`: (p50, p99), None where only the other counts."""

    bench: str
    load: str
    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    at_least: tuple[float | None, float | None] | None = None
    aim: tuple[float | None, float | None] | None = None
    cpu_us: Mapping[str, float] = field(default_factory=dict)
    """Of each command, over the whole measurement."""
    pace_us: float | None = None
    """As of a rate."""

    @staticmethod
    def of(
        bench: str, load: str, seconds: Sequence[float],
        at_least: tuple[float | None, float | None] | None = None,
        aim: tuple[float | None, float | None] | None = None,
        cpu_us: Mapping[str, float] | None = None,
        pace_us: float | None = None,
    ) -> "Latency":  # fmt: skip
        """From measured seconds, at least one."""
        ordered = sorted(seconds)

        def at(share: float) -> float:
            return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1_000, 2)

        return Latency(bench, load, len(ordered), at(0.5), at(0.99), at(1.0), at_least, aim, cpu_us or {}, pace_us)


Figure = Rate | Ratio | Latency


def as_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Plain values; rates and CPU rounded."""
    return [{name: _rounded(value) for name, value in asdict(figure).items()} for figure in figures]


def table(figures: Sequence[Figure]) -> Table:
    """Everything, with what it should be."""
    shown = Table(title="onhand bench")
    for column in ("bench", "load", "measured", "at least", "aim", "CPU µs each"):
        shown.add_column(column, justify="left" if column in ("bench", "load", "CPU µs each") else "right")
    for figure in figures:
        shown.add_row(figure.bench, figure.load, *_words(figure))
    return shown


def line(figure: Figure) -> str:
    """One figure in a line."""
    measured, _, _, more = _words(figure)
    return f"{figure.bench}: {figure.load}: {measured} {more}".rstrip()


def _words(figure: Figure) -> tuple[str, str, str, str]:
    match figure:
        case Rate():
            rate, costs = f"{figure.per_s:,.0f}/s", _costs(figure)
            return rate, _number(figure.at_least, "/s"), _number(figure.aim, "/s"), costs
        case Ratio():
            return _times(figure.ratio), _times(figure.at_least), _times(figure.aim), ""
        case Latency():
            measured = f"{figure.p50_ms:.1f} / {figure.p99_ms:.1f} / {figure.max_ms:.1f} ms"
            return (
                measured,
                _pair(figure.at_least),
                _pair(figure.aim),
                f"p50 / p99 / max of {figure.count:,}; {_costs(figure)}".rstrip("; "),
            )


def _costs(figure: Rate | Latency) -> str:
    costs = " ".join(f"{name} {cost:.1f}" for name, cost in figure.cpu_us.items() if cost >= 0.05)
    return costs if figure.pace_us is None else f"{costs}; pace {figure.pace_us:,.0f}"


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:,.0f}{unit}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}x" if ratio >= 2 else f"{ratio:.2f}x"


def _pair(pair: tuple[float | None, float | None] | None) -> str:
    return "" if pair is None else " / ".join("-" if value is None else f"{value:.0f}" for value in pair) + " ms"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, Mapping):
        return {name: _rounded(each) for name, each in value.items()}
    return value
