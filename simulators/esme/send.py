"""``send``: one text, or one question about a message, told to a person or as JSON."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from dataclasses import dataclass

from simulators.esme.answer import Answer
from simulators.esme.message import Build
from simulators.esme.options import esme_settings
from simulators.esme.recording import recording
from simulators.esme.requests import is_question, requests
from simulators.esme.sim import EsmeSim, Incoming
from simulators.esme.telling import answer_json, answer_lines, failed_of, receipt_json, receipt_line
from simulators.esme.trace import Trace
from smsgw.errors import LinkError
from smsgw.smpp.constants import MessageState

OK, FAILED, NO_BIND, TOO_LATE = 0, 1, 2, 3
_DELIVERED = int(MessageState.DELIVERED)


@dataclass(slots=True)
class Report:
    """What is said at the end, and as it happens."""

    as_json: bool
    answers: list[dict[str, object]]
    receipts: list[dict[str, object]]
    status: int = OK

    def say(self, line: str) -> None:
        """A line for a person."""
        if not self.as_json:
            print(line, flush=True)

    def fail(self, status: int) -> None:
        """Keep the exit status; what came too late weighs more than what failed."""
        self.status = max(self.status, status)

    def end(self) -> int:
        """Print the JSON, if wished; returns the exit status."""
        if self.as_json:
            shown = {"answers": self.answers, "receipts": self.receipts, "exit": self.status}
            print(json.dumps(shown, ensure_ascii=False))
        return self.status


async def send(arguments: Namespace) -> int:
    """Run the command; returns its exit status.

    Raises LinkError when there is no bind, ValueError or LocalError for wrong usage.
    """
    report = Report(arguments.json, [], [])
    builds = requests(arguments)
    esme = EsmeSim(esme_settings(arguments))
    if arguments.trace:
        esme.attach(Trace())
    async with recording(arguments.capture, esme.attach, esme.clock), esme:
        await _send(esme, builds, arguments, report)
    return report.end()


async def _send(esme: EsmeSim, builds: list[Build], arguments: Namespace, report: Report) -> None:
    futures = [esme.request(build) for build in builds]
    wanted = await _answers(futures, arguments, report)
    if wanted and not is_question(arguments):
        await _receipts(esme, wanted, arguments, report)


async def _answers(futures: list[asyncio.Future[Answer]], arguments: Namespace, report: Report) -> dict[str, int]:
    """Wait for the answers; returns the ids that were accepted, with how many receipts each should bring."""
    wanted: dict[str, int] = {}
    for number, future in enumerate(futures, 1):
        part = f"part {number} of {len(futures)}: " if len(futures) > 1 else ""
        try:
            async with asyncio.timeout(arguments.wait_s):
                answer = await future
        except TimeoutError:
            report.say(f"{part}no answer within {arguments.wait_s:g} s: it is not known whether it was accepted")
            report.fail(TOO_LATE)
            continue
        except LinkError as error:
            report.say(f"{part}{error}: it is not known whether it was accepted")
            report.fail(TOO_LATE)
            continue
        report.answers.append(answer_json(answer))
        report.say(f"{part}{answer_lines(answer)}")
        failed = failed_of(answer)
        if not answer.ok or failed:
            report.fail(FAILED)
        if answer.ok and arguments.rd & 3:
            each = 1 if arguments.each else max(1, len(arguments.recipients or []))
            wanted[answer.message_id] = wanted.get(answer.message_id, 0) + each - len(failed)
    return wanted


async def _receipts(esme: EsmeSim, wanted: dict[str, int], arguments: Namespace, report: Report) -> None:
    """Wait for a final receipt of every accepted id, telling each as it comes."""
    told = 0

    def missing() -> dict[str, int]:
        nonlocal told
        for came in esme.receipts[told:]:
            report.receipts.append(receipt_json(came))
            report.say(receipt_line(came))
        told = len(esme.receipts)
        final = [came.message_id for came in esme.receipts if came.receipt is not None and came.receipt.final]
        return {message_id: left for message_id, left in wanted.items() if final.count(message_id) < left}

    try:
        await esme.wait_for(lambda: not missing() or not esme.bound, arguments.wait_s)
        why = ": the connection is lost"
    except TimeoutError:
        why = f" within {arguments.wait_s:g} s"
    for message_id in missing():
        report.say(f"no final receipt for {message_id or 'a message without an id'}{why}")
        report.fail(TOO_LATE)
    ours = [came for came in esme.receipts if came.message_id in wanted]
    if any(came.receipt is not None and came.receipt.final and not _delivered(came) for came in ours):
        report.fail(FAILED)


def _delivered(came: Incoming) -> bool:
    receipt = came.receipt
    return receipt is not None and (receipt.message_state == _DELIVERED or receipt.stat == "DELIVRD")
