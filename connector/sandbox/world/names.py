"""Invent Nordic and German people, companies and addresses; none of them exists."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

ASCII: Final = str.maketrans(
    {"æ": "ae", "ø": "o", "å": "a", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e"}
)
OWN_DOMAIN: Final = "fjordkraftwerk.example"
FREE_MAIL_DOMAINS: Final = (
    "posten.example",
    "gmehl.example",
    "kolumbus.example",
    "freipost.example",
)
SUPPLIER_DOMAINS: Final = ("papirogpenn.example", "kaffeservice.example", "druckerei-nord.example")


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """The words that names of one country are made of; split at blanks."""

    code: str
    share: int
    first_names: str
    last_names: str
    stems: str
    trades: str
    legal_forms: str
    cities: str
    titles: str


COUNTRIES: Final = (
    Country(
        code="NO",
        share=38,
        first_names="Ingrid Solveig Astrid Kari Marit Silje Hedda Åse Øystein Sigurd Håkon "
        "Torbjørn "
        "Eirik Lars Magnus Geir Ragnhild Bjørn Tuva Jonas",
        last_names="Hansen Johansen Olsen Larsen Andersen Nilsen Kristiansen Jensen Karlsen "
        "Pettersen "
        "Haugen Hagen Bakken Solberg Strand Myhre Lunde Moen Nygård Brekke Sørlie Aasen",
        stems="Fjell Nord Havn Elve Bre Skog Vind Tind Sjø Myr Lyng Furu",
        trades="tech bygg kraft laks data transport maskin energi regnskap media",
        legal_forms="AS AS AS ASA",
        cities="Oslo Bergen Trondheim Stavanger Tromsø Ålesund Bodø Drammen",
        titles="Salgssjef|Daglig leder|Innkjøper|Markedssjef|IT-leder|Økonomisjef|Prosjektleder",
    ),
    Country(
        code="DE",
        share=26,
        first_names="Anke Birgit Sabine Jürgen Wolfgang Käthe Uwe Heike Matthias Florian Lena Götz "
        "Ulrike Stefan Jörg Hannah Dieter Maximilian Grit Sören",
        last_names="Müller Schmidt Schneider Fischer Weber Wagner Becker Hoffmann Schäfer Koch "
        "Bauer "
        "Klein Wolf Schröder Neumann Krüger Hartmann Lange Krause Weiß Jäger",
        stems="Rhein Alster Wald Berg Stahl Licht Stein Muster Main Spree Heide Ost",
        trades="technik logistik bau werk soft energie systeme handel medizin druck",
        legal_forms="GmbH GmbH GmbH AG KG",
        cities="Hamburg Berlin München Köln Leipzig Kiel Nürnberg Bremen",
        titles="Vertriebsleiter|Geschäftsführerin|Einkäufer|Leiterin Marketing|IT-Leiter|Assistenz",
    ),
    Country(
        code="SE",
        share=14,
        first_names="Maja Linnéa Gösta Björn Karin Åke Elin Anders Malin Göran Ebba Oskar Lovisa "
        "Nils",
        last_names="Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Persson Svensson "
        "Gustafsson Lindqvist Bergström Sjöberg Åkerman",
        stems="Små Skär Norr Söder Björk Sten Ljus Älv Ros",
        trades="teknik verkstad bolaget system trä el sport mat",
        legal_forms="AB",
        cities="Stockholm Göteborg Malmö Uppsala Umeå Örebro",
        titles="Försäljningschef|VD|Inköpare|Marknadschef|Projektledare",
    ),
    Country(
        code="DK",
        share=10,
        first_names="Mette Rasmus Søren Anne-Marie Kirsten Jeppe Bodil Morten Freja Asger Pia "
        "Villads",
        last_names="Nielsen Jensen Hansen Pedersen Andersen Christensen Sørensen Rasmussen Møller "
        "Kjær Bæk Østergaard",
        stems="Vester Øster Fjord Bøge Lille Kron Hav Klit",
        trades="byg data møbler energi revision foder design",
        legal_forms="ApS ApS A/S",
        cities="København Aarhus Odense Aalborg Esbjerg",
        titles="Salgschef|Direktør|Indkøber|Marketingchef|Kontorleder",
    ),
    Country(
        code="FI",
        share=7,
        first_names="Aino Eero Päivi Jukka Hilkka Timo Sanna Väinö Kaisa Antti",
        last_names="Korhonen Virtanen Mäkinen Nieminen Mäkelä Hämäläinen Laine Heikkinen Järvinen",
        stems="Järvi Metsä Koski Kivi Lumi Suo Meri",
        trades="tekniikka rakennus sähkö puu palvelu",
        legal_forms="Oy Oy Oyj",
        cities="Helsinki Tampere Turku Oulu Kuopio",
        titles="Myyntipäällikkö|Toimitusjohtaja|Ostaja|IT-päällikkö",
    ),
    Country(
        code="GB",
        share=5,
        first_names="Alice Graham Fiona Oliver Harriet Callum Priya Desmond",
        last_names="Smith Taylor Whitfield Okafor Hughes Patel Doyle Ashworth",
        stems="Oak River North Copper Marsh Harbour",
        trades="works logistics software foods analytics",
        legal_forms="Ltd",
        cities="Leeds Bristol Aberdeen",
        titles="Head of Sales|Buyer|COO|Marketing Manager",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyProfile:
    """An invented company."""

    name: str
    domain: str
    city: str
    country: Country


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An invented person; `mailbox` is what stands before the @."""

    first: str
    last: str
    title: str
    mailbox: str


def invent_company(rng: Random, number: int) -> CompanyProfile:
    """Invent a company; `number` keeps its domain its own."""
    country = rng.choices(COUNTRIES, weights=[candidate.share for candidate in COUNTRIES])[0]
    stem, trade = rng.choice(country.stems.split()), rng.choice(country.trades.split())
    joiner = rng.choice(("", "", " ", "-"))
    base_name = f"{stem}{joiner}{trade if joiner != ' ' else trade.capitalize()}"
    name = f"{base_name} {rng.choice(country.legal_forms.split())}"
    slug = base_name.lower().translate(ASCII).replace(" ", "-")
    top_level_domain = rng.choice(("example", "example", "test"))
    return CompanyProfile(
        name=rng.choice((name, name, name, name.upper(), base_name, f" {name}")),
        domain=f"{slug}{number}.{country.code.lower()}.{top_level_domain}",
        city=rng.choice(country.cities.split()),
        country=country,
    )


def invent_person(rng: Random, country: Country | None = None) -> Person:
    """Invent a person, of `land` or of any."""
    chosen_country = (
        country or rng.choices(COUNTRIES, weights=[candidate.share for candidate in COUNTRIES])[0]
    )
    first, last = (
        rng.choice(chosen_country.first_names.split()),
        rng.choice(chosen_country.last_names.split()),
    )
    full_mailbox = f"{first}.{last}".lower().translate(ASCII)
    short_mailbox = f"{first[:1]}{last}".lower().translate(ASCII)
    title = rng.choice(chosen_country.titles.split("|"))
    return Person(
        first=first,
        last=last,
        title=title,
        mailbox=rng.choice((full_mailbox, full_mailbox, short_mailbox)),
    )
