"""What aca-local remembers, and how its resources move from state to state."""

from aca_local.state.clock import Clock, ticks, utc_now
from aca_local.state.store import JSON, JsonObject, Kind, Store
from aca_local.state.transitions import TERMINAL, Timing, Transition, transition_of

__all__ = [
    "JSON",
    "TERMINAL",
    "Clock",
    "JsonObject",
    "Kind",
    "Store",
    "Timing",
    "Transition",
    "ticks",
    "transition_of",
    "utc_now",
]
