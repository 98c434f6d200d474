"""`make bench-control`: what length and loop control do with a teacher that misbehaves; writes CONTROL.md."""

import tempfile
from collections import Counter
from pathlib import Path

from testing import misbehaving
from testing.control import OFF, good_share, run, section_share

RESULTS = Path(__file__).with_name("CONTROL.md")


def main() -> None:
    documents = 200
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        off, on = (run(Path(folder) / name, documents, recipe) for name, recipe in (("off", OFF), ("on", "")))
    repaired = {name.removeprefix("repaired_"): count for name, count in on[0].items() if name.startswith("repaired_")}
    reasons = Counter(row["reason"].split(":")[0] for row in on[2])
    shares = {**misbehaving.PLAN_FAULTS, **misbehaving.SECTION_FAULTS}
    lines = [
        "# A teacher that misbehaves on purpose",
        "",
        f"{documents} documents of 4 to 12 sections, through the asset; of the plans and sections: "
        + ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        + f"; in {misbehaving.TERSE:.0%} of the documents every section is short at first; "
        f"{misbehaving.AGAIN:.0%} of faults are there the second time as well.",
        "",
        "| control | written | in quarantine | documents with length score >= 80 | sections in their band | calls |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {len(rows)} | {len(aside)} | {good_share(rows):.1%} | {section_share(rows):.1%} | "
            f"{found['calls_made']} |"
            for name, (found, rows, aside) in (("off", off), ("on", on))
        ),
        "",
        "| repaired | times |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in repaired.items()),
        "",
        "| in quarantine, because | documents |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in reasons.most_common()),
    ]
    RESULTS.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
