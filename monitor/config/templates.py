"""Links and messages in words of one's own: Jinja2 templates, each rendered once to see that it can be."""

from collections.abc import Collection, Iterable, Mapping

from monitor.config import yaml_tree
from monitor.config.problems import Findings, expected
from monitor.config.read import check_keys
from monitor.config.sections import ChannelSection, MessageSection, RuleSection
from monitor.config.types import link_fault, link_name_fault
from monitor.domain.rules import Words
from monitor.notify import templates

_LINKS: yaml_tree.Path = ("links",)


def read_links(findings: Findings) -> dict[str, str]:
    """The links of all rules; those with which something is wrong are there too, for messages may name them."""
    node = findings.node(_LINKS)
    if findings.has(_LINKS) and not isinstance(node, yaml_tree.Mapping):
        findings.value(_LINKS, expected("a mapping from names to URLs", node))
    return {name: _link(name, findings) for name in findings.keys(_LINKS)}


def _link(name: str, findings: Findings) -> str:
    path = (*_LINKS, name)
    text = findings.text(path)
    if (fault := link_name_fault(name)) is not None:
        findings.key(path, fault)
    if text is None:
        findings.value(path, expected("a URL, such as https://wiki.example/{{ rule }}", findings.node(path)))
        return ""
    if (fault := link_fault(text)) is not None:
        findings.value(path, fault)
    else:
        _check(text, path, (), findings)
    return text


def check_rule(
    section: RuleSection, path: yaml_tree.Path, links: Collection[str], findings: Findings
) -> None:
    """Reports what of a rule's own links and message can't be rendered. `links` are those of all rules."""
    for name, link in section.links.items():
        _check(link, (*path, "links", name), (), findings)
    known = dict.fromkeys((*links, *findings.keys((*path, "links"))))
    _check_message(section.message, (*path, "message"), known, findings)


def check_channels(
    channels: Mapping[str, ChannelSection | None],
    rules: Iterable[RuleSection],
    links: Collection[str],
    findings: Findings,
) -> None:
    """Reports messages of channels that can't be rendered. They tell of every rule: any rule's links will do."""
    known = dict.fromkeys((*links, *(name for rule in rules for name in rule.links)))
    for name, channel in channels.items():
        if channel is not None:
            _check_message(channel.message, ("channels", name, "message"), known, findings)


def _check_message(
    section: MessageSection | None, path: yaml_tree.Path, links: Collection[str], findings: Findings
) -> None:
    if section is None:
        return
    check_keys(MessageSection, path, findings)
    for key, text in (("title", section.title), ("body", section.body)):
        if text is not None:
            _check(text, (*path, key), links, findings)


def _check(text: str, path: yaml_tree.Path, links: Collection[str], findings: Findings) -> None:
    try:
        templates.check(text, links)
    except ValueError as exc:
        findings.value(path, str(exc))


def build_words(section: MessageSection | None) -> Words | None:
    """The finished words. Only for a section with which nothing is wrong."""
    if section is None:
        return None
    return Words(title=section.title, body=section.body, format=section.format)
