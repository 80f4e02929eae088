"""Function words of many languages: a term that begins or ends with one names nothing in an image."""

__all__ = ["is_stop_word"]

_BY_LANGUAGE = {
    "en": (
        "a an and any are as at be been but by can did do does for from had has have he her his how i if "
        "in into is it its me my no nor not of on or our out she so than that the their them then there "
        "these they this those to too up upon us was we were what when where which who why will with "
        "without you your very just also only own same such etc via per s t"
    ),
    "de": (
        "der die das den dem des ein eine einen einem einer eines und oder aber mit ohne von vom zum zur "
        "zu im in ins am an auf aus bei für nach über unter um als wie ist sind war nicht kein keine es "
        "er sie wir ihr ich du sich auch so noch"
    ),
    "fr": (
        "le la les l un une des du de d et ou mais avec sans sur sous dans par pour en au aux à ce cet "
        "cette ces qui que qu est sont ne pas plus se sa son ses il elle ils elles je tu nous vous y "
        "dont"
    ),
    "es": (
        "el la los las un una unos unas y e o u de del al a en con sin sobre por para que es son se su "
        "sus no lo le como más este esta estos estas muy"
    ),
    "pt": (
        "o a os as um uma uns umas e ou de do da dos das no na nos nas em com sem por para pelo pela ao "
        "à aos às que é são se seu sua não como mais"
    ),
    "it": (
        "il lo la i gli le l un uno una e ed o di del dello della dei degli delle d a al allo alla ai "
        "agli alle da dal dalla dalle in nel nella nei con senza su sul sulla per che è sono si non come "
        "più"
    ),
    "nl": "de het een en of van voor met zonder op in aan bij naar uit te ten ter is zijn niet dat die dit",
    "sv": "en ett och eller av för med utan på i till från är som den det de inte",
    "pl": "i oraz lub a w we z ze na do od po za o u dla przez nie się jest są to ten ta",
    "id": "yang dan atau di ke dari dengan tanpa untuk pada dalam ini itu adalah tidak oleh sebagai",
    "tr": "ve veya ile bir bu şu o da de için gibi olan değil mi çok",
    "ru": "и или а но в во на с со к ко по за из от до для о об не без при под над как что это у",
    "uk": "і й та або а але в у на з зі до по за із від для о про не без при під над як що це",
    "ar": "و في من على إلى عن مع بدون أو ال هذا هذه ذلك التي الذي لا ما هو هي",
    "fa": "و در از به با بدون یا که را این آن برای بر تا است هم",
    "he": "של את על עם בלי או לא זה זו הוא היא אל מן",
    "hi": "का की के को में से पर और या है हैं नहीं यह वह एक साथ",
    "ko": "및 또는 그리고 의 이 가 을 를 은 는 에 와 과 로 있는 없는",
    "ja": "の は が を に へ と で も や か な た て だ し い る れ さ す っ",
    "zh": "的 了 和 与 與 在 是 有 或 及 之 把 个 個 着",
    "url": "http https www com org net html htm php jpg jpeg png gif svg webp mailto gmail hotmail yahoo",
}

_ANY = frozenset(_BY_LANGUAGE.pop("url").split())
_WORDS = {language: frozenset(words.split()) for language, words in _BY_LANGUAGE.items()}


def is_stop_word(word: str, language: str) -> bool:
    """Whether it is a function word of the language (English when unknown) or a part of an address."""
    return word in _ANY or word in _WORDS.get(language, _WORDS["en"])
