# SPDX-License-Identifier: BSD-3-Clause
"""`dred models ACTION`: what networks there are, and files of them; runs none."""

import argparse

from dred.cli.options import add_json, add_models, print_json, refuse_overwriting_input


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("models", help="list, describe, export and update model files")
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

    combine = actions.add_parser(
        "combine", help="write one weight file of several, and of the embedded one what they lack"
    )
    combine.add_argument(
        "files", metavar="FILE", nargs="+", help="weight files; of a network in two, the later one"
    )
    combine.add_argument("-o", "--output", metavar="FILE", required=True, help="to write")

    diff = actions.add_parser("diff", help="write the update that makes one model of another")
    diff.add_argument("old", metavar="OLD", help="weight file that devices have")
    diff.add_argument("new", metavar="NEW", help="weight file they shall get")
    diff.add_argument("-o", "--output", metavar="FILE", required=True, help="update to write")
    add_json(diff)

    patch = actions.add_parser("patch", help="apply such an update")
    patch.add_argument("old", metavar="OLD", help="weight file the update was made for")
    patch.add_argument("update", metavar="FILE", help="update of 'dred models diff'")
    patch.add_argument("-o", "--output", metavar="NEW", required=True, help="weight file to write")


def run(args: argparse.Namespace) -> None:
    actions = {
        "list": _list,
        "describe": _describe,
        "export": _export,
        "combine": _combine,
        "diff": _diff,
        "patch": _patch,
    }
    actions[args.action](args)


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


def _combine(args: argparse.Namespace) -> None:
    from dred.errors import ModelError
    from dred.io.files import read_bytes, write_bytes
    from dred.models import Models, embedded_files
    from dred.models.combine import combine

    files = [(image, name) for name, image in embedded_files().items()]
    files += [(read_bytes(name, ModelError), name) for name in args.files]
    for image, name in files:
        Models(image, name)  # a broken file is named before anything is written
    whole = combine(files)
    Models(whole, args.output)
    write_bytes(args.output, whole, ModelError)


def _diff(args: argparse.Namespace) -> None:
    from dred.errors import ModelError
    from dred.io.files import read_bytes, write_bytes
    from dred.models.update import diff

    for source in (args.old, args.new):
        refuse_overwriting_input(source, args.output)
    old, new = read_bytes(args.old, ModelError), read_bytes(args.new, ModelError)
    update = diff(old, new, (args.old, args.new))
    write_bytes(args.output, update.data, ModelError)
    row = {
        "update": args.output,
        "bytes": len(update.data),
        "bytes_full": len(new),
        "blocks": update.pieces,
        "blocks_changed": update.changed,
    }
    if args.json:
        print_json(row)
    elif args.output != "-":
        print(
            f"{args.output}: {len(update.data)} bytes, {len(update.data) / len(new):.1%} of "
            f"{len(new)}; {update.changed} of {update.pieces} weight blocks changed"
        )


def _patch(args: argparse.Namespace) -> None:
    from dred.errors import ModelError
    from dred.io.files import read_bytes, write_bytes
    from dred.models import Models
    from dred.models.update import patch

    refuse_overwriting_input(args.update, args.output)
    old, update = read_bytes(args.old, ModelError), read_bytes(args.update, ModelError)
    new = patch(old, update, (args.old, args.update))
    Models(new, args.update)  # whatever the update says, only a sound model is written
    write_bytes(args.output, new, ModelError)
