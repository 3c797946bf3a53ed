"""Between the host and the plugin: asks what is to be done, and answers."""

import traceback

import numpy as np

from . import bind as binding
from . import wire
from .bind import Bind
from .door import Refused, knock
from .errors import PluginError
from .field import to_tree
from .table import Blob, Kept, Table

# Rows that are sent at once, where no input says how many.
_PART = 65_536


def start():
    """Imports the plugin; what that leaves in memory is kept."""

    def imported():
        global author
        import plugin as author

        if not hasattr(author, "PLUGIN") or not hasattr(author, "run"):
            raise PluginError("plugin.py must define `PLUGIN` and a function `run`")

    _answer(imported)


def serve():
    """Does what the host asks for."""
    request = knock("request")
    calls = {"describe": _describe, "bind": _bind, "run": _run}
    _answer(lambda: calls[request["call"]](request))


def _answer(does):
    try:
        answer = {"ok": does()}
    except PluginError as error:
        answer = {"error": error.to_wire()}
    except Refused as error:
        answer = {"error": {"failed": str(error)}}
    except BaseException as error:
        answer = {"error": {"failed": _told(error)}}
    knock("answer", answer=answer)


def _told(error):
    """An exception in one line: what it is, and which line of the plugin raised it. The whole
    traceback goes to the log."""
    knock("log", level="info", message=traceback.format_exc())
    text = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    if isinstance(error, ModuleNotFoundError):
        text = (
            f"scientific Python has no module `{error.name}`; "
            "if it is written in Python alone, put it into the package"
        )
    if isinstance(error, SyntaxError) and error.filename:
        return f"{text} ({error.filename}, line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith(("skyloom/", "/", "<"))]
    if not own:
        return text
    return f"{text} ({own[-1].filename}, line {own[-1].lineno}, in {own[-1].name})"


def _describe(_):
    return author.PLUGIN.descriptor()


def _bind(request):
    params = author.PLUGIN.read_params(request["params"])
    inputs = {
        port["port"]: to_tree(port["fields"]) if "fields" in port else Blob(index, *port["blob"])
        for index, port in enumerate(request["inputs"])
    }
    bind = Bind(inputs, author.PLUGIN.outputs)
    if hasattr(author, "bind"):
        author.bind(params, bind)
    else:
        binding.default(author.PLUGIN, params, bind)
    return bind.to_wire()


def _run(request):
    params = author.PLUGIN.read_params(request["params"])
    inputs = {}
    for index, port in enumerate(request["inputs"]):
        if "fields" in port:
            inputs[port["port"]] = Table(index, to_tree(port["fields"]), port["rows"])
        else:
            inputs[port["port"]] = Blob(index, *port["blob"])
    alone = len(author.PLUGIN.inputs) == 1
    made = author.run(next(iter(inputs.values())) if alone else inputs, params)
    ports = list(author.PLUGIN.outputs)
    results = {ports[0]: made} if len(ports) == 1 else made
    tables = list(inputs.values())
    for index, (port, output) in enumerate(zip(ports, request["outputs"])):
        fields = to_tree(output["fields"])
        if output["source"] is None:
            _put(index, port, fields, results[port])
        else:
            source = output["source"]
            _derive(index, port, fields, results[port], source, tables[source].rows)


def _columns(port, fields, values, rows):
    """The new columns of an output, in the order in which they were bound."""
    if not fields:
        return []
    names = [field.name for field in fields]
    if not hasattr(values, "keys"):
        raise PluginError(
            f"`run` gives {type(values).__name__} for output `{port}`; it should give a dict of columns"
        )
    if sorted(values) != sorted(names):
        raise PluginError(
            f"`run` gives columns {', '.join(values)} for output `{port}`; bound are {', '.join(names)}"
        )
    return [wire.Column(field, values[field.name], rows) for field in fields]


def _put(index, port, fields, result):
    """An output that has new columns only; its result may come in pieces."""
    for values in [result] if hasattr(result, "keys") else result:
        rows = len(next(iter(values.values()), ()))
        columns = _columns(port, fields, values, rows)
        for start in range(0, rows, _PART):
            wire.emit(index, None, None, columns, start, min(start + _PART, rows))


def _derive(index, port, fields, result, source, rows):
    """An output that passes columns on: batch by batch, as they come from its source."""
    keep = None
    if isinstance(result, Kept):
        keep, result = result.keep, result.columns
        if len(keep) != rows:
            raise PluginError(f"`keep` has {len(keep)} values for {rows} rows")
    count = rows if keep is None else int(np.count_nonzero(keep))
    columns = _columns(port, fields, result, count)
    knock("rewind", input=source)
    row = at = 0
    while (batch := knock("next", input=source)) is not None:
        kept = None if keep is None else keep[row : row + batch]
        more = batch if kept is None else int(np.count_nonzero(kept))
        wire.emit(index, source, kept, columns, at, at + more)
        row, at = row + batch, at + more
