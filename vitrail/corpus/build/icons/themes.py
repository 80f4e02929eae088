"""Themes: what the categories of many sets have in common, whatever each calls them."""

import re
from collections.abc import Iterable

__all__ = ["THEMES", "theme_of"]

# Names of categories in lower case, letters only.
_CATEGORIES = {
    "arrows": "arrow arrows arrowsaction arrowsdiagrams directional singlearrow",
    "buildings": "building buildingconstruction buildingrealestate buildings construction hotel",
    "business": "business businessproducts marketing office workoffice workofficecompanies",
    "charts": "analytics chart charts graphs",
    "clothes": "clothes clothing makeups",
    "communication": "chat communicate communication email emailactions emailmessages emails mail mailchatsmiley "
    "message messages messageschatsmileys",
    "culture": "culture halloween holiday political religion",
    "design": "deditor design designtools drawingart graphics vector",
    "devices": "cellphonephone computerdevices computers computersdeviceselectronics device devices devicetech "
    "hardware phone phonesmobiledevices printer",
    "education": "education math mathematics school schoolscience science study workeducation",
    "faces": "emoji emojis emotions faces",
    "files": "document file fileandfolder files filesandfolders filesfolders filetypes folderandfile folders",
    "food": "beverage food foodanddrink foodbeverage fooddrink fooddrinks foods fruitsvegetables",
    "games": "chess game games gaming gamingrpg tabletopgaming",
    "hands": "gestures hands handsigns",
    "health": "blood conditions contraceptives diagnostics healtandmedical health healthbeauty healthmedical medical "
    "medicalhospital medications medicine pharmacy ppe specialties zoonoses",
    "home": "home homeautomation household",
    "maps": "locationandmap map maps mapsandtravel mapsnavigation maptravel maptravelwayfinding navigation places "
    "travel wayfinding",
    "media": "audio audiovideo av instrument media multimedia music musicaudio musicvideoentertainment player video "
    "videomovie videomoviestv",
    "money": "banking commerce currency ecommerce finance money moneybusiness moneypaymentsfinance moneyshopping "
    "payment paymentsshopping retail shopecommerce shopping shoppingecommerce",
    "nature": "agriculture animal animals animalsnature ecology ecologynature environment nature natureecology",
    "people": "account accountuser baby people peoplefamily peoples person user userandgroup userfaces users "
    "userspeople",
    "pictures": "image images imagesphotography imagesvideos photography photosandvideos",
    "programming": "build code codingappswebsites computercoding database developerlanguages development devops "
    "devtools git programingappswebsites programming",
    "security": "lock privacy safe safety secure security",
    "shapes": "shape shapes",
    "sport": "exercise fitness gamesports sport sports",
    "text": "editor editors textcontentformat textedit textformatting text typography writing",
    "time": "calendar date datetime time",
    "vehicles": "automotive maritime transit transport transportation transportationflying transportationother "
    "transportationroad transportationwater vehicles",
    "weather": "weather",
}
_THEME_OF = {category: theme for theme, categories in _CATEGORIES.items() for category in categories.split()}
_NO_LETTER = re.compile(r"[^a-z]")

THEMES = tuple(sorted(_CATEGORIES))


def theme_of(categories: Iterable[str]) -> str | None:
    """The theme of an icon; None where its categories say none, or several."""
    found = {_THEME_OF.get(_NO_LETTER.sub("", category.lower())) for category in categories} - {None}
    return found.pop() if len(found) == 1 else None
