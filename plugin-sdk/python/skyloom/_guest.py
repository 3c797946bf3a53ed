"""The component's side of a plugin: the contract's types in and out."""

from __future__ import annotations

from collections.abc import Sequence

import skyloom_sandbox
from componentize_py_types import Err
from wit_world.exports import node
from wit_world.imports import data as host
from wit_world.imports import log, types

from .bind import Bind
from .column import Column
from .data import Blob, Reader, Task, Writer
from .errors import (
    DataError,
    HostError,
    MissingColumn,
    ParamError,
    PluginError,
    WrongType,
    WrongUnit,
)
from .plugin import Plugin
from .schema import Field, Type, from_wire, to_wire

_LEVELS = {"debug": log.Level.DEBUG, "info": log.Level.INFO, "warn": log.Level.WARN}


def say(level: str, message: str) -> None:
    """Tells the host."""
    log.log(_LEVELS[level], message)


class Guest:
    """What the host calls: `describe`, `bind` and `run` of one plugin."""

    def __init__(self, plugin: type[Plugin]) -> None:
        self._plugin = plugin

    def describe(self) -> types.Descriptor:
        skyloom_sandbox.close_up()
        told = self._plugin.descriptor
        return types.Descriptor(
            told.name,
            told.version,
            told.description,
            types.Role[told.role.name],
            types.Scope[told.scope.name],
            _ports(told.inputs),
            _ports(told.outputs),
            self._plugin.params_schema(),
            list(told.citations),
        )

    def bind(self, params: str, inputs: list[node.BoundInput]) -> types.Binding:
        skyloom_sandbox.close_up()
        try:
            return self._bind(params, inputs)
        except Exception as error:
            raise Err(_told(error)) from None

    def _bind(self, params: str, inputs: list[node.BoundInput]) -> types.Binding:
        read = self._plugin.read(params)
        ports = [port.name for port in self._plugin.descriptor.outputs]
        bind = Bind(ports, [(each.port, _shape(each.shape)) for each in inputs])
        self._plugin().bind(read, bind)
        for warning in bind.warnings:
            say("warn", warning)
        outputs = [
            types.TableSchema(
                [types.Field(**vars(field)) for field in to_wire(table.fields)],
                [types.Passed(*passed) for passed in table.passed],
            )
            for table in bind.outputs.values()
        ]
        reads = [
            types.Read(input, column, types.Purpose[purpose.name])
            for input, column, purpose in bind.reads
        ]
        return types.Binding(outputs, reads, bind.pieces)

    def run(
        self,
        params: str,
        piece: types.Piece,
        inputs: list[node.Input],
        outputs: list[host.Writer],
    ) -> None:
        skyloom_sandbox.close_up()
        try:
            read = self._plugin.read(params)
            ports = self._plugin.descriptor.outputs
            task = Task(
                {each.port: _content(each) for each in inputs},
                {port.name: _writer(writer) for port, writer in zip(ports, outputs)},
                (piece.index, piece.count),
                say,
                log.progress,
            )
            self._plugin().run(read, task)
        except Exception as error:
            raise Err(_told(error)) from None


def _ports(ports) -> list[types.Port]:
    kinds = {
        "table": types.PortKind.TABLE,
        "whole-table": types.PortKind.WHOLE_TABLE,
        "blob": types.PortKind.BLOB,
    }
    return [
        types.Port(port.name, kinds[port.kind], port.optional, port.description) for port in ports
    ]


def _shape(shape: node.Shape) -> list[Field] | Blob:
    if isinstance(shape, node.Shape_Table):
        return from_wire(shape.value)
    return Blob(_Bytes(shape.value))


def _content(input: node.Input) -> Reader | Blob:
    content = input.content
    if isinstance(content, node.Content_Table):
        reader = content.value
        return Reader(input.port, from_wire(reader.fields()), _Table(reader))
    return Blob(_Bytes(content.value))


def _writer(writer: host.Writer) -> Writer:
    return Writer(from_wire(writer.fields()), _Sink(writer))


class _Table:
    def __init__(self, reader: host.Reader) -> None:
        self._reader = reader

    def next(self) -> _Rows | None:
        batch = _asked(self._reader.next)
        return None if batch is None else _Rows(batch)

    def rewind(self) -> None:
        self._reader.rewind()

    def rows(self) -> int:
        return self._reader.rows()


class _Rows:
    def __init__(self, batch: host.Batch) -> None:
        self.batch = batch

    def rows(self) -> int:
        return self.batch.rows()

    def column(self, index: int, type: Type) -> Column:
        return _column(type, iter(_asked(self.batch.column, index)))


def _column(type: Type, flat) -> Column:
    head = next(flat)
    children = [_column(child.type, flat) for child in type.children]
    return Column(type, head.rows, head.validity, head.buffers, children)


class _Sink:
    def __init__(self, writer: host.Writer) -> None:
        self._writer = writer

    def put(self, columns: Sequence[Column]) -> None:
        _asked(self._writer.put, _flat(columns))

    def derive(self, source: _Rows, keep: bytes | None, columns: Sequence[Column]) -> None:
        _asked(self._writer.derive, source.batch, keep, _flat(columns))

    def cut(self) -> None:
        _asked(self._writer.cut)


def _flat(columns: Sequence[Column]) -> list[types.Column]:
    flat = []
    for column in columns:
        flat.append(types.Column(column.rows, column.validity, list(column.buffers)))
        flat.extend(_flat(column.children))
    return flat


class _Bytes:
    def __init__(self, blob: host.Blob) -> None:
        self._blob = blob

    def name(self) -> str:
        return self._blob.name()

    def size(self) -> int:
        return self._blob.size()

    def read(self, offset: int, length: int) -> bytes:
        return _asked(self._blob.read, offset, length)


def _asked(call, *arguments):
    """What the host answers; its refusal as an exception."""
    try:
        return call(*arguments)
    except Err as refusal:
        raise HostError(refusal.value.value) from None


def _told(error: Exception) -> types.PluginError:
    """An exception as the contract's error."""
    if isinstance(error, ParamError):
        return types.PluginError_Param(types.ParamError(error.param, error.message))
    columns = {
        MissingColumn: types.PluginError_MissingColumn,
        WrongType: types.PluginError_WrongType,
        WrongUnit: types.PluginError_WrongUnit,
    }
    for kind, case in columns.items():
        if isinstance(error, kind):
            about = (error.input, error.column, error.param, error.expected, error.found)
            return case(types.ColumnError(*about))
    if isinstance(error, DataError):
        return types.PluginError_Data(str(error))
    if isinstance(error, PluginError):
        return types.PluginError_Failed(str(error))
    return types.PluginError_Failed(_with_place(error))


def _with_place(error: Exception) -> str:
    """Type and words of an exception that nobody meant, and the author's line."""
    words = f"{type(error).__name__}: {error}"
    place, step = None, error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if "/skyloom/" not in code.co_filename:
            place = f"{code.co_filename.rsplit('/', 1)[-1]}, line {step.tb_lineno}, in {code.co_name}"
        step = step.tb_next
    return words if place is None else f"{words} ({place})"
