#!/usr/bin/env python3
"""Checks what `skyloom runs export` wrote with programs of others.

    check_exports.py CRATE PROV

CRATE is the folder that `--format ro-crate` wrote, PROV the file of `--format prov`. Prints a
line for each check; the exit code is 1 if one does not hold. Installs nothing and reaches no
network: requirements.txt beside this file names what must be installed, and the JSON-LD
contexts come from there and from here.
"""

import csv
import importlib.resources
import io
import json
import sys
import tempfile
from pathlib import Path

PROFILE = "provenance-run-crate"

# The terms of https://w3id.org/ro/terms/workflow-run/context that Skyloom uses.
WORKFLOW_RUN = "https://w3id.org/ro/terms/workflow-run"
TERMS = ["ParameterConnection", "connection", "sourceParameter", "targetParameter", "resourceUsage"]

# Recommendations that a record cannot follow, by a part of what the validator says.
UNMET = {
    "The author SHOULD have an organizational affiliation": "a record knows a name and an ORCID",
    "The author SHOULD have a Contextual Entity which specifies": "as above",
    "The `publisher` property of a `Root Data Entity`": "whoever publishes the crate is not known yet",
    "The SoftwareApplication id SHOULD be an absolute URI": "plugins have digests, no addresses",
    "The Application SHOULD have a url": "neither plugins nor workflows have an address",
    "SHOULD comply with Bioschemas ComputationalWorkflow": "it asks for a licence and an address",
}
# And those that a run cannot follow that failed.
UNMET_BY_FAILED = {
    "The Action SHOULD have a result": "what failed gave nothing",
    "FormalParameter SHOULD be referenced from": "what never came has no value",
}


def contexts(folder: Path) -> Path:
    """A cache of HTTP answers with the two contexts; the validator takes them from there."""
    from requests_cache import CachedRequest, CachedResponse, CachedSession

    text = importlib.resources.files("rocrate").joinpath("data/ro-crate.jsonld").read_text()
    crate = json.loads(text)
    if crate["@id"] != "https://w3id.org/ro/crate/1.1/context":
        raise SystemExit(f"rocrate carries {crate['@id']}: install what requirements.txt names")
    run = {"@context": {term: f"{WORKFLOW_RUN}#{term}" for term in TERMS}}
    path = folder / "http"
    session = CachedSession(str(path), backend="sqlite", expire_after=-1)
    for url, document in [(crate["@id"], crate), (f"{WORKFLOW_RUN}/context", run)]:
        answer = CachedResponse(
            content=json.dumps(document).encode(),
            headers={"Content-Type": "application/ld+json"},
            status_code=200,
            url=url,
        )
        request = CachedRequest(method="GET", url=url)
        session.cache.save_response(answer, cache_key=session.cache.create_key(request))
    session.close()
    return path


def issues(crate: Path, cache: Path, severity: str) -> list[str]:
    """What the validator finds wrong at `severity` or above."""
    from rocrate_validator import services

    settings = {
        "rocrate_uri": str(crate),
        "profile_identifier": PROFILE,
        "requirement_severity": severity,
        "cache_path": cache,
        "offline": True,
        "skip_availability_check": True,
    }
    result = services.validate(settings)
    found = result.get_issues()
    return [f"{issue.severity.name}: {issue.message} ({issue.violatingEntity})" for issue in found]


def is_known(issue: str, failed: bool) -> bool:
    known = list(UNMET) + (list(UNMET_BY_FAILED) if failed else [])
    return any(part in issue for part in known)


def valid_as_required(crate: Path, cache: Path) -> str:
    found = issues(crate, cache, "REQUIRED")
    assert not found, "\n".join(found)
    return f"rocrate-validator finds nothing that {PROFILE} requires and is not there"


def valid_as_recommended(crate: Path, cache: Path) -> str:
    graph = entities(crate)
    failed = graph["#run"]["actionStatus"].endswith("FailedActionStatus")
    found = issues(crate, cache, "RECOMMENDED")
    new = [issue for issue in found if not is_known(issue, failed)]
    assert not new, "\n".join(new)
    return f"rocrate-validator finds {len(found)} recommendations unmet, all of them known"


def entities(crate: Path) -> dict:
    metadata = json.loads((crate / "ro-crate-metadata.json").read_text())
    return {entity["@id"]: entity for entity in metadata["@graph"]}


def steps_reported(crate: Path) -> str:
    from runcrate.report import dump_crate_actions

    text = io.StringIO()
    dump_crate_actions(crate, f=text)
    record = json.loads((crate / "record.json").read_text())
    done = [id for id, node in record["nodes"].items() if node["started"] or node["state"] == "finished"]
    reported = [line.strip() for line in text.getvalue().splitlines()]
    for node in done:
        assert f"action: #run/{node}" in reported, f"no action of {node} in:\n{text.getvalue()}"
        assert f"step: workflow.yaml#/nodes/{node}" in reported, f"no step of {node}"
    assert "action: #run" in reported, "the run itself is missing"
    return f"runcrate reports the run and {len(done)} steps"


def units_listed(crate: Path) -> str:
    with (crate / "units.csv").open(newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    record = json.loads((crate / "record.json").read_text())
    for id, node in record["nodes"].items():
        if node["state"] == "finished":
            of_node = [row for row in rows if row["node"] == id]
            assert len(of_node) == node["units"], f"{id}: {len(of_node)} rows, {node['units']} units"
    assert all(None not in row and None not in row.values() for row in rows), "ragged rows"
    return f"units.csv has {len(rows)} rows, as many of each node as it had units"


def no_folders(crate: Path, prov: Path) -> str:
    texts = [path for path in crate.glob("*") if path.suffix in {".json", ".csv"}] + [prov]
    for path in texts:
        for folder in [*(f"/{name}/" for name in ("home", "root", "Users", "tmp")), f"{Path.cwd()}/"]:
            assert folder not in path.read_text(), f"{path.name} names {folder}"
    return "no folder of a machine is named"


def prov_read(prov: Path) -> str:
    from prov.model import ProvActivity, ProvDocument, ProvEntity

    document = ProvDocument.deserialize(source=str(prov), format="json")
    written = json.loads(prov.read_text())
    for kind, of in [("activity", ProvActivity), ("entity", ProvEntity)]:
        found = len(list(document.get_records(of)))
        assert found == len(written[kind]), f"{found} of {len(written[kind])} {kind} records"
    records = sum(len(all) for kind, all in written.items() if kind != "prefix")
    assert len(document.get_records()) == records, f"{len(document.get_records())} of {records}"
    text = document.get_provn()
    for word in ["voprov:ActivityDescription", "voprov:Parameter", "wasAttributedTo("]:
        assert word in text, f"no {word} in the PROV-N"
    again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    assert again == document, "what prov writes is not what it read"
    return f"prov reads {records} statements, and writes {len(text.splitlines())} lines of PROV-N"


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__.splitlines()[2].strip(), file=sys.stderr)
        return 2
    crate, prov = Path(sys.argv[1]), Path(sys.argv[2])
    ok = True
    with tempfile.TemporaryDirectory() as folder:
        cache = contexts(Path(folder))
        checks = [
            (valid_as_required, (crate, cache)),
            (valid_as_recommended, (crate, cache)),
            (steps_reported, (crate,)),
            (units_listed, (crate,)),
            (no_folders, (crate, prov)),
            (prov_read, (prov,)),
        ]
        for check, args in checks:
            try:
                print(f"ok    {check(*args)}")
            except Exception as error:
                ok = False
                print(f"WRONG {check.__name__}: {error or type(error).__name__}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
