"""Rules, and what each says of what was read: `ok`, `breached` or `unknown`, always with the reason.

A kind of rule is one module: its parameters, its judging, and what it tells the rest of the program of itself through
the methods of `base.Rule`. The rest of the program never asks which kind a rule is of.
"""

from monitor.domain.rules.base import (
    Breached,
    Flapping,
    Ok,
    Policy,
    Presentation,
    Reads,
    Rule,
    TemplateFormat,
    ThresholdLine,
    Unknown,
    Verdict,
    Words,
    threshold_lines,
)
from monitor.domain.rules.delta import Delta
from monitor.domain.rules.failing import Failing
from monitor.domain.rules.stale import Stale
from monitor.domain.rules.threshold import Threshold

__all__ = [
    "Breached",
    "Delta",
    "Failing",
    "Flapping",
    "Ok",
    "Policy",
    "Presentation",
    "Reads",
    "Rule",
    "Stale",
    "TemplateFormat",
    "Threshold",
    "ThresholdLine",
    "Unknown",
    "Verdict",
    "Words",
    "threshold_lines",
]
