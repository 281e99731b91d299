"""Invent people, firms and addresses of the Nordic and German kind; none of them exists."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

ASCII: Final = str.maketrans(
    {"æ": "ae", "ø": "o", "å": "a", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e"}
)
OWN_DOMAIN: Final = "fjordkraftwerk.example"
MAILBOXES: Final = ("posten.example", "gmehl.example", "kolumbus.example", "freipost.example")
SUPPLIERS: Final = ("papirogpenn.example", "kaffeservice.example", "druckerei-nord.example")


@dataclass(frozen=True, slots=True, kw_only=True)
class Land:
    """The words that names of one country are made of; split at blanks."""

    code: str
    share: int
    first: str
    last: str
    stem: str
    trade: str
    legal: str
    towns: str
    titles: str


LANDS: Final = (
    Land(
        code="NO",
        share=38,
        first="Ingrid Solveig Astrid Kari Marit Silje Hedda Åse Øystein Sigurd Håkon Torbjørn "
        "Eirik Lars Magnus Geir Ragnhild Bjørn Tuva Jonas",
        last="Hansen Johansen Olsen Larsen Andersen Nilsen Kristiansen Jensen Karlsen Pettersen "
        "Haugen Hagen Bakken Solberg Strand Myhre Lunde Moen Nygård Brekke Sørlie Aasen",
        stem="Fjell Nord Havn Elve Bre Skog Vind Tind Sjø Myr Lyng Furu",
        trade="tech bygg kraft laks data transport maskin energi regnskap media",
        legal="AS AS AS ASA",
        towns="Oslo Bergen Trondheim Stavanger Tromsø Ålesund Bodø Drammen",
        titles="Salgssjef|Daglig leder|Innkjøper|Markedssjef|IT-leder|Økonomisjef|Prosjektleder",
    ),
    Land(
        code="DE",
        share=26,
        first="Anke Birgit Sabine Jürgen Wolfgang Käthe Uwe Heike Matthias Florian Lena Götz "
        "Ulrike Stefan Jörg Hannah Dieter Maximilian Grit Sören",
        last="Müller Schmidt Schneider Fischer Weber Wagner Becker Hoffmann Schäfer Koch Bauer "
        "Klein Wolf Schröder Neumann Krüger Hartmann Lange Krause Weiß Jäger",
        stem="Rhein Alster Wald Berg Stahl Licht Stein Muster Main Spree Heide Ost",
        trade="technik logistik bau werk soft energie systeme handel medizin druck",
        legal="GmbH GmbH GmbH AG KG",
        towns="Hamburg Berlin München Köln Leipzig Kiel Nürnberg Bremen",
        titles="Vertriebsleiter|Geschäftsführerin|Einkäufer|Leiterin Marketing|IT-Leiter|Assistenz",
    ),
    Land(
        code="SE",
        share=14,
        first="Maja Linnéa Gösta Björn Karin Åke Elin Anders Malin Göran Ebba Oskar Lovisa Nils",
        last="Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Persson Svensson "
        "Gustafsson Lindqvist Bergström Sjöberg Åkerman",
        stem="Små Skär Norr Söder Björk Sten Ljus Älv Ros",
        trade="teknik verkstad bolaget system trä el sport mat",
        legal="AB",
        towns="Stockholm Göteborg Malmö Uppsala Umeå Örebro",
        titles="Försäljningschef|VD|Inköpare|Marknadschef|Projektledare",
    ),
    Land(
        code="DK",
        share=10,
        first="Mette Rasmus Søren Anne-Marie Kirsten Jeppe Bodil Morten Freja Asger Pia Villads",
        last="Nielsen Jensen Hansen Pedersen Andersen Christensen Sørensen Rasmussen Møller "
        "Kjær Bæk Østergaard",
        stem="Vester Øster Fjord Bøge Lille Kron Hav Klit",
        trade="byg data møbler energi revision foder design",
        legal="ApS ApS A/S",
        towns="København Aarhus Odense Aalborg Esbjerg",
        titles="Salgschef|Direktør|Indkøber|Marketingchef|Kontorleder",
    ),
    Land(
        code="FI",
        share=7,
        first="Aino Eero Päivi Jukka Hilkka Timo Sanna Väinö Kaisa Antti",
        last="Korhonen Virtanen Mäkinen Nieminen Mäkelä Hämäläinen Laine Heikkinen Järvinen",
        stem="Järvi Metsä Koski Kivi Lumi Suo Meri",
        trade="tekniikka rakennus sähkö puu palvelu",
        legal="Oy Oy Oyj",
        towns="Helsinki Tampere Turku Oulu Kuopio",
        titles="Myyntipäällikkö|Toimitusjohtaja|Ostaja|IT-päällikkö",
    ),
    Land(
        code="GB",
        share=5,
        first="Alice Graham Fiona Oliver Harriet Callum Priya Desmond",
        last="Smith Taylor Whitfield Okafor Hughes Patel Doyle Ashworth",
        stem="Oak River North Copper Marsh Harbour",
        trade="works logistics software foods analytics",
        legal="Ltd",
        towns="Leeds Bristol Aberdeen",
        titles="Head of Sales|Buyer|COO|Marketing Manager",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """An invented company."""

    name: str
    domain: str
    town: str
    land: Land


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An invented person; `mailbox` is what stands before the @."""

    first: str
    last: str
    title: str
    mailbox: str


def firm(dice: Random, number: int) -> Firm:
    """Invent a company; `number` keeps its domain its own."""
    land = dice.choices(LANDS, weights=[one.share for one in LANDS])[0]
    stem, trade = dice.choice(land.stem.split()), dice.choice(land.trade.split())
    joint = dice.choice(("", "", " ", "-"))
    word = f"{stem}{joint}{trade if joint != ' ' else trade.capitalize()}"
    name = f"{word} {dice.choice(land.legal.split())}"
    slug = word.lower().translate(ASCII).replace(" ", "-")
    ending = dice.choice(("example", "example", "test"))
    return Firm(
        name=dice.choice((name, name, name, name.upper(), word, f" {name}")),
        domain=f"{slug}{number}.{land.code.lower()}.{ending}",
        town=dice.choice(land.towns.split()),
        land=land,
    )


def person(dice: Random, land: Land | None = None) -> Person:
    """Invent a person, of `land` or of any."""
    home = land or dice.choices(LANDS, weights=[one.share for one in LANDS])[0]
    first, last = dice.choice(home.first.split()), dice.choice(home.last.split())
    plain = f"{first}.{last}".lower().translate(ASCII)
    short = f"{first[:1]}{last}".lower().translate(ASCII)
    title = dice.choice(home.titles.split("|"))
    return Person(first=first, last=last, title=title, mailbox=dice.choice((plain, plain, short)))
