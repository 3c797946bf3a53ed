"""Looks for the world that a plugin may not see."""

import os
import random
import sys
import time
from datetime import datetime

from skyloom import Batch, Bind, Descriptor, Field, Plugin, Purpose, Role, utf8


class Curious(Plugin):
    descriptor = (
        Descriptor("curious", "0.1.0", "Looks around.", Role.TRANSFORMER)
        .input("table", "What to do, in a column `ask`.")
        .output("seen", "What was seen.")
    )

    def bind(self, params: dict, bind: Bind) -> None:
        bind.column("table", "ask").text().read(Purpose.VALUE)
        bind.add("seen", Field("seen", utf8))

    def run(self, params: dict, task) -> None:
        for batch in task.input("table"):
            task.output("seen").put([self.seen(batch)])

    def seen(self, batch: Batch) -> list[str]:
        return [look(ask) for ask in batch.strings("ask")]


def look(ask: str) -> str:
    if ask == "fail":
        return {}["nothing"]
    print("what is printed")
    print("and what warns", file=sys.stderr)
    try:
        open("/etc/passwd")
    except OSError as error:
        found = str(error)
    words = {"RRLYR", "CEP", "DSCT", "ECL"}
    seen = [time.time(), datetime.now(), random.random(), os.urandom(4), id(words), list(words)]
    return " ".join(map(str, [*seen, dict(os.environ), sys.argv, found]))
