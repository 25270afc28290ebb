# SPDX-License-Identifier: BSD-3-Clause
"""`dred models list|describe|export`: what networks there are; runs none of them."""

import argparse

from dred.cli.options import add_json, add_models, print_json


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("models", help="list, describe and export model files")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="the embedded model files, one line each")
    add_json(listing)

    describe = actions.add_parser("describe", help="networks, layers and checksum of the models")
    add_models(describe)
    describe.add_argument("--arrays", action="store_true", help="every array of the file as well")
    add_json(describe)

    export = actions.add_parser("export", help="write the models as one weight file")
    add_models(export)
    export.add_argument("output", metavar="OUT", help="- for stdout")


def run(args: argparse.Namespace) -> None:
    {"list": _list, "describe": _describe, "export": _export}[args.action](args)


def _list(args: argparse.Namespace) -> None:
    from dred.models import Models, embedded_files

    rows = [Models(image, name).describe() for name, image in embedded_files().items()]
    if args.json:
        print_json({"models": rows})
        return
    for row in rows:
        print(
            f"{row['file']:<20} {row['profile']}  {row['sha256'][:12]}  "
            f"{row['parameters']:>9} parameters  {row['bytes']:>9} bytes  "
            f"{', '.join(row['networks'])}"
        )
    if not rows:
        print("no embedded models")


def _describe(args: argparse.Namespace) -> None:
    from dred.models import load_models
    from dred.models.records import read_records

    models = load_models(args.models)
    description = models.describe()
    records = list(read_records(models.image, models.file)) if args.arrays else []
    if args.json:
        arrays = [{"name": r.name, "type": r.type_name, "bytes": r.size} for r in records]
        print_json(description | ({"arrays": arrays} if args.arrays else {}))
        return
    for key, value in description.items():
        print(f"{key:<11} {', '.join(value) if isinstance(value, list) else value}")
    for record in records:
        print(f"  {record.name:<43} {record.type_name:<8} {record.size:>8} bytes")


def _export(args: argparse.Namespace) -> None:
    from dred.errors import ModelError
    from dred.io.files import write_bytes
    from dred.models import load_models

    write_bytes(args.output, load_models(args.models).image, ModelError)
