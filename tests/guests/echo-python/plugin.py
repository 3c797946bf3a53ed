"""Emits every column it reads, as a new one: what comes back has crossed the border twice, and was
Python values in between, or, with `as-it-is`, the SDK's columns."""

from dataclasses import dataclass

from skyloom import Bind, Descriptor, Plugin, Purpose, Role, Task, param


@dataclass(frozen=True, kw_only=True)
class Params:
    as_it_is: bool = param("Columns are not made anew.", default=False)


class Echo(Plugin):
    Params = Params
    descriptor = (
        Descriptor("echo-python", "0.1.0", "Gives back what it is given.", Role.TRANSFORMER)
        .input("table", "Any table.")
        .output("table", "The same table.")
    )

    def bind(self, params: Params, bind: Bind) -> None:
        for field in bind.fields("table"):
            bind.column("table", field.name).read(Purpose.VALUE)
            bind.add("table", field)

    def run(self, params: Params, task: Task) -> None:
        output = task.output("table")
        for batch in task.input("table"):
            columns = [batch.column(index) for index in range(len(batch.fields))]
            if not params.as_it_is:
                columns = [column.to_list() for column in columns]
            output.put(columns)
