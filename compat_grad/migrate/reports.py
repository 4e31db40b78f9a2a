"""What a scan found, as text for a terminal, as JSON, and as SARIF 2.1.0 for code hosts and editors."""

import collections
import json
import os

from compat_grad.migrate.kinds import INEXACT, KINDS, LEAKS, RAISES, SILENT

#: How a report ranks the ways in which code stops working; the words are SARIF's levels.
LEVELS = collections.OrderedDict([(SILENT, "error"), (RAISES, "warning"), (INEXACT, "note"), (LEAKS, "note")])
_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def level_of(finding):
    """Return the worst level of the ways in which a finding's code stops working."""
    ways = {one.how for one in finding.breaks}
    return next(level for way, level in LEVELS.items() if way in ways)


def place_of(one):
    """Return "path:line", with the cell of a notebook."""
    cell = "" if one.cell is None else ":cell {}".format(one.cell)
    return "{}{}{}".format(one.path, cell, "" if one.line is None else ":{}".format(one.line))


# --- text -----------------------------------------------------------------------------------------------------


def as_lines(report):
    """Yield (text, style) of the lines of the report; style is None for plain text."""
    for finding in report.findings:
        level = level_of(finding)
        yield "{}: {} [{}]".format(place_of(finding), KINDS[finding.kind].title, finding.kind), _STYLES[level]
        yield "  " + finding.what, None
        for one in finding.breaks:
            yield "  {}: {}. {}".format(one.how, one.where, one.what), _STYLES[LEVELS[one.how]]
        yield "  instead: " + finding.instead, "green"
        yield "", None
    for one in report.unread:
        yield "{}: not looked into: {}".format(place_of(one), one.reason), "magenta"
    yield summary(report), "bold"


def summary(report):
    """Return one line: how many files, findings, and of which kinds."""
    text = "{} looked at, {}".format(_count(report.n_files, "file"), _count(len(report.findings), "finding"))
    kinds = collections.Counter(finding.kind for finding in report.findings)
    if kinds:
        text += ": " + ", ".join("{} {}".format(number, kind) for kind, number in kinds.most_common())
    if report.unread:
        text += "; {} not looked into".format(len(report.unread))
    return text + "."


def _count(number, noun):
    return "{} {}{}".format(number, noun, "" if number == 1 else "s")


# --- JSON -----------------------------------------------------------------------------------------------------


def as_json(report):
    """Return the report as a JSON text: ``{"files": n, "findings": [...], "unread": [...]}``."""
    findings = []
    for finding in report.findings:
        entry = finding._asdict()
        entry["breaks"] = [dict(one._asdict()) for one in finding.breaks]
        entry["level"] = level_of(finding)
        findings.append(entry)
    unread = [dict(one._asdict()) for one in report.unread]
    return json.dumps(dict(files=report.n_files, findings=findings, unread=unread), indent=2)


# --- SARIF ----------------------------------------------------------------------------------------------------


def as_sarif(report, version):
    """Return the report as a SARIF 2.1.0 text; version: of compat_grad."""
    rules = [_rule(kind) for kind in KINDS.values()]
    index = {kind: number for number, kind in enumerate(KINDS)}
    run = {
        "tool": {
            "driver": {
                "name": "compat_grad scan",
                "semanticVersion": version,
                "rules": rules,
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index[finding.kind]) for finding in report.findings],
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_notification(one) for one in report.unread],
            }
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def _rule(kind):
    return {
        "id": kind.key,
        "name": "".join(word.capitalize() for word in kind.key.split("-")),
        "shortDescription": {"text": kind.title},
        "fullDescription": {"text": kind.does},
        "help": {"text": "Instead: {}".format(kind.instead)},
        "defaultConfiguration": {"level": next(LEVELS[way] for way in LEVELS if way in {b.how for b in kind.breaks})},
    }


def _result(finding, rule):
    breaks = " ".join("{}: {}. {}".format(one.how.capitalize(), one.where, one.what) for one in finding.breaks)
    return {
        "ruleId": finding.kind,
        "ruleIndex": rule,
        "level": level_of(finding),
        "message": {"text": "{} {} Instead: {}".format(finding.what, breaks, finding.instead)},
        "locations": [_location(finding, finding.line, finding.column, finding.end_line)],
    }


def _notification(one):
    return {"level": "warning", "message": {"text": one.reason}, "locations": [_location(one)]}


def _location(one, line=None, column=None, end_line=None):
    physical = {"artifactLocation": {"uri": one.path.replace(os.sep, "/")}}
    if line is not None:
        physical["region"] = {"startLine": line, "startColumn": column + 1, "endLine": end_line}
    location = {"physicalLocation": physical}
    if one.cell is not None:
        location["message"] = {"text": "cell {}".format(one.cell)}
    return location
