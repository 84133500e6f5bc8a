"""Rules and their verdicts: `ok`, `breached` or `unknown`, always with the reason.

Each kind of rule is one module with its parameters and its verdicts. It overrides methods of `base.Rule`; the rest of
the program uses only these and never checks the kind of a rule.
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
