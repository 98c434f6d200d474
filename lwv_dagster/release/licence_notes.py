"""What the hub calls a licence: it refuses a card whose licence is not one of its own identifiers."""

import re
from collections.abc import Mapping

# As the hub's own check of a card names them, without those of models.
_NAMES = """
apache-2.0 mit openrail afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0
cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0
cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl
lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr
unknown
"""
HUB_NAMES = frozenset(_NAMES.split())
_SCOPE = re.compile(r"(-only|-or-later|\+)$")  # the hub has the GNU licences without their scope …
_FAMILY = re.compile(r"(gfdl|odc-by|odbl|pddl)-1\.\d")  # … and these without their version


def hub_licence(licences: Mapping[str, int]) -> dict[str, str]:
    """The card's `license`: that of all documents where they have one, `other` for several, `unknown` for none.

    licences: SPDX expression -> documents. One that the hub does not know is `other`, with a `license_name`.
    """
    if len(licences) != 1:
        return {"license": "other" if licences else "unknown"}
    stated = next(iter(licences)).lower()
    known = _FAMILY.sub(r"\1", _SCOPE.sub("", stated))
    if known in HUB_NAMES:
        return {"license": known}
    name = re.sub(r"[^a-z0-9.]+", "-", stated).strip("-")
    return {"license": "other", **({"license_name": name} if name else {})}
