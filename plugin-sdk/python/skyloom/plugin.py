"""The class that authors write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from .bind import Bind
from .data import Batch, Task
from .params import read_params, schema_of


class Role(Enum):
    """What a plugin is for: a promise that the conformance kit checks."""

    INGESTER = "ingester"
    FEATURE_EXTRACTOR = "feature-extractor"
    TRANSFORMER = "transformer"
    SELECTOR = "selector"
    TRAINER = "trainer"
    CLASSIFIER = "classifier"
    CALIBRATOR = "calibrator"
    EVALUATOR = "evaluator"
    EXPLAINER = "explainer"
    SIMULATOR = "simulator"
    MONITOR = "monitor"


class Scope(Enum):
    """How a node's input is cut."""

    #: Rows are independent given their partition: one run a partition, in parallel.
    PARTITION = "partition"
    #: Runs over all partitions, once for each of the pieces that `bind` asked for.
    WHOLE = "whole"


@dataclass(frozen=True)
class Port:
    """An input or output: `kind` is `table`, `whole-table` or `blob`."""

    name: str
    kind: str
    description: str
    optional: bool = False


@dataclass(frozen=True)
class Descriptor:
    """All a host must know before it binds."""

    name: str
    version: str
    description: str
    role: Role
    scope: Scope = Scope.PARTITION
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    #: References for the method: DOIs or bibcodes.
    citations: tuple[str, ...] = field(default=())

    def input(self, name: str, description: str) -> Descriptor:
        """A table, cut in partitions where the scope says so."""
        return self._with_input(Port(name, "table", description))

    def optional_input(self, name: str, description: str) -> Descriptor:
        """A table that need not be connected."""
        return self._with_input(Port(name, "table", description, optional=True))

    def whole_input(self, name: str, description: str) -> Descriptor:
        """A table that every run sees as a whole, such as a model."""
        return self._with_input(Port(name, "whole-table", description))

    def blob(self, name: str, description: str) -> Descriptor:
        """A file."""
        return self._with_input(Port(name, "blob", description))

    def _with_input(self, port: Port) -> Descriptor:
        return replace(self, inputs=(*self.inputs, port))

    def output(self, name: str, description: str) -> Descriptor:
        """A table that the plugin writes."""
        return replace(self, outputs=(*self.outputs, Port(name, "table", description)))

    def cite(self, reference: str) -> Descriptor:
        """The method's reference: a DOI or bibcode."""
        return replace(self, citations=(*self.citations, reference))


class Plugin:
    """A plugin. Write `map` where each batch of the one input gives one batch of the one
    output, row for row; `run` for anything else."""

    #: What the plugin is.
    descriptor: Descriptor
    #: The parameters under `with:` in a workflow: a dataclass, or none for the bare object.
    Params: type | None = None
    #: Their JSON Schema, where it is not to be made from `Params`.
    schema: dict[str, Any] | None = None

    def bind(self, params: Any, bind: Bind) -> None:
        """Declares which columns will be read and types the outputs, before data move."""
        raise NotImplementedError(f"{type(self).__name__} has no `bind`")

    def map(self, params: Any, batch: Batch) -> Sequence[Any]:
        """The output columns that `bind` declared as new, in that order, with one value for
        each row of `batch`; None is null."""
        raise NotImplementedError(f"{type(self).__name__} has neither `map` nor `run`")

    def run(self, params: Any, task: Task) -> None:
        """Does the work. As it stands, maps each batch of the first input to the first
        output."""
        reader, writer = task.first()
        for batch in reader:
            writer.derive(batch, self.map(params, batch))

    @classmethod
    def params_schema(cls) -> str:
        """The JSON Schema of the parameters."""
        schema = cls.schema
        if schema is None:
            schema = {"type": "object"} if cls.Params is None else schema_of(cls.Params)
        return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Any:
        """The parameters in a JSON object."""
        return read_params(cls.Params, text)
