"""What the folders under LWV_SOURCES are called as collections: names that may stand in a Dagster partition key."""

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping

NAME_LENGTH = 60  # letters
NAME_BYTES = 120  # UTF-8: with the shard's number and a temporary ending it is still a file name
LOOSE = ""  # in place of a folder's name: the files directly under LWV_SOURCES


def collection_name(folder: str) -> str:
    """A folder's name as part of a partition key and of file names: letters of any script, digits, _ and -.

    Lower case, in NFC. Everything else, invisible and direction marks among it, becomes a hyphen. Where nothing is left
    or the end is cut, a hash of the name is added.
    """
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", folder).lower())
    name = "".join(letter if _kept(letter) else " " for letter in plain)
    name = "-".join(filter(None, name.replace("-", " ").split(" ")))
    short = name[:NAME_LENGTH].encode()[:NAME_BYTES].decode(errors="ignore").strip("-")
    return name if name and short == name else _with_hash(short, folder)


def name_collections(folders: Iterable[str], known: Mapping[str, str], sources: str) -> dict[str, str]:
    """The collection of each folder that holds documents; folders: names, or LOOSE.

    known: folder -> collection, as the register has it: these stay, whatever they were named by. sources: the name of
    the sources folder, after which loose files are called. Of folders that would be called alike, the later ones get a
    hash.
    """
    found = list(dict.fromkeys(folders))
    names = {folder: known[folder] for folder in found if folder in known}
    for folder in found:
        if folder not in names:
            name = collection_name(folder or sources)
            names[folder] = _with_hash(name, f"{folder}/") if name in names.values() else name
    return names


def _kept(letter: str) -> bool:
    return letter == "_" or unicodedata.category(letter)[0] in "LN" or unicodedata.category(letter) in ("Mn", "Mc")


def _with_hash(name: str, folder: str) -> str:
    digest = hashlib.sha256(unicodedata.normalize("NFC", folder).encode("utf-8", "surrogateescape")).hexdigest()[:6]
    return f"{name or 'collection'}-{digest}"
