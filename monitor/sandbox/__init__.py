"""The providers as documented, simulated on loopback: for the demo, for rehearsals by operators, and for the tests.

Written from the providers' documentation alone and not from the code that reads them, so that a mistake in one shows
in the other. Each provider is a module of its own; `simulations` finds them by name.

    async with Webhook() as webhook, Sandbox(demo_scenario(simulations(PROVIDERS))) as sandbox:
        print(sandbox.example_config(webhook.url))
        sandbox.services[name].fault = Fault.reset()
"""

from monitor.sandbox.faults import Fault, PlannedFault, parse_fault
from monitor.sandbox.scenarios import Sandbox, Scenario, demo_scenario, simulations
from monitor.sandbox.scripts import Level, Script, constant, drain, parse_script, steps, then, top_up, walk
from monitor.sandbox.service import Logged, Service, Simulation
from monitor.sandbox.webhook import Message, Webhook

__all__ = [
    "Fault",
    "Level",
    "Logged",
    "Message",
    "PlannedFault",
    "Sandbox",
    "Scenario",
    "Script",
    "Service",
    "Simulation",
    "Webhook",
    "constant",
    "demo_scenario",
    "drain",
    "parse_fault",
    "parse_script",
    "simulations",
    "steps",
    "then",
    "top_up",
    "walk",
]
