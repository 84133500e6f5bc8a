"""Both endpoints as documented, on loopback: for the demo, for rehearsals by operators, and for the tests.

Written from the services' documentation alone and not from the code that reads them, so that a mistake in one
shows in the other.

    async with Webhook() as webhook, Sandbox(demo_story()) as sandbox:
        print(sandbox.example_config(webhook.url))
        sandbox.wdcf.fault = Fault.reset()
"""

from monitor.sandbox.config import Credentials, example_config
from monitor.sandbox.faults import Fault, PlannedFault, parse_fault
from monitor.sandbox.nami import CallLimit, Holding
from monitor.sandbox.sandbox import Sandbox
from monitor.sandbox.scenario import Scenario, demo_story
from monitor.sandbox.scripts import Level, Script, constant, drain, parse_script, steps, then, top_up, walk
from monitor.sandbox.service import Logged, Service
from monitor.sandbox.webhook import Message, Webhook

__all__ = [
    "CallLimit",
    "Credentials",
    "Fault",
    "Holding",
    "Level",
    "Logged",
    "Message",
    "PlannedFault",
    "Sandbox",
    "Scenario",
    "Script",
    "Service",
    "Webhook",
    "constant",
    "demo_story",
    "drain",
    "example_config",
    "parse_fault",
    "parse_script",
    "steps",
    "then",
    "top_up",
    "walk",
]
