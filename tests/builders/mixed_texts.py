"""Texts by template in many languages, several of them in one field."""

import random

__all__ = ["TEMPLATES", "mixed_texts"]

TEMPLATES = {  # sentences, and what can stand in them
    "en": (
        (
            "A {n} runs across the meadow.",
            "The {n} is behind the house and it looks at us.",
            "There is a {n} in front of a tree.",
        ),
        "dog cat horse bird hat fire face sun boat apple",
    ),
    "de": (
        (
            "Ein {n} läuft über die Wiese.",
            "Der {n} ist hinter dem Haus und er sieht uns an.",
            "Hier wird dort ein {n} von den Leuten gesehen.",
        ),
        "Hund Vogel Apfel Baum Stuhl Ofen Mond Fisch Stern Turm",
    ),
    "es": (
        (
            "Un {n} corre por el prado.",
            "El {n} está detrás de la casa y nos mira.",
            "Hay una imagen con un {n} para los niños.",
        ),
        "perro gato caballo pájaro sombrero barco árbol pez zapato reloj",
    ),
    "fr": (
        (
            "Un {n} court dans le pré.",
            "Le {n} est derrière la maison et il nous regarde.",
            "Il y a un {n} avec des enfants sur une plage.",
        ),
        "chien chat cheval oiseau chapeau bateau arbre poisson soulier miroir",
    ),
    "pt": (
        (
            "Um {n} corre pelo prado.",
            "O {n} está atrás da casa e ele olha para nós.",
            "Há um {n} com as crianças na praia.",
        ),
        "cachorro gato cavalo pássaro chapéu barco peixe sapato relógio livro",
    ),
    "it": (
        ("Un {n} corre nel prato.", "Il {n} è dietro la casa e ci guarda.", "C'è un {n} con i bambini sulla spiaggia."),
        "cane gatto cavallo uccello cappello albero pesce orologio libro specchio",
    ),
    "nl": (
        ("Een {n} loopt over het gras.", "De {n} staat achter het huis en hij kijkt naar ons."),
        "hond kat vogel hoed boot boom vis schoen klok spiegel",
    ),
    "ru": (
        ("Одна {n} бежит по лугу.", "Эта {n} стоит за домом, и она смотрит на нас."),
        "собака кошка лошадь птица шляпа лодка рыба звезда книга луна",
    ),
    "pl": (
        ("Jeden {n} biegnie po łące.", "Ten {n} jest za domem i on patrzy na nas."),
        "pies kot koń ptak kapelusz statek zegar but księżyc",
    ),
    "uk": (
        ("Один {n} біжить по лузі.", "Цей {n} стоїть за будинком, і він дивиться на нас."),
        "собака кіт кінь птах капелюх човен годинник місяць",
    ),
    "tr": (
        ("Bir {n} çayırda koşuyor ve çok hızlı.", "Bu {n} evin arkasında ve o bize bakıyor."),
        "köpek kedi at kuş şapka gemi ağaç balık saat ayna",
    ),
    "id": (
        ("Seekor {n} berlari di padang rumput.", "{n} itu ada di belakang rumah dan dia melihat kami."),
        "anjing kucing kuda burung topi perahu pohon ikan sepatu cermin",
    ),
    "vi": (
        ("Một con {n} chạy trên đồng cỏ.", "Con {n} ở phía sau ngôi nhà và nó nhìn chúng tôi."),
        "chó mèo ngựa chim cá gà vịt lợn",
    ),
    "sw": (
        ("Kuna {n} katika shamba la nyasi.", "{n} yuko nyuma ya nyumba na anatutazama sisi."),
        "mbwa paka farasi ndege kofia mashua mti samaki kiatu saa",
    ),
    "hi": (
        ("एक {n} मैदान में दौड़ रहा है।", "यह {n} घर के पीछे है और वह हमें देख रहा है।"),
        "कुत्ता घोड़ा पक्षी पेड़ जूता सेब तारा",
    ),
    "bn": (
        ("একটি {n} মাঠের উপর দৌড়াচ্ছে।", "এই {n} বাড়ির পিছনে আছে এবং সে আমাদের দেখছে।"),
        "কুকুর বিড়াল ঘোড়া পাখি টুপি নৌকা গাছ মাছ",
    ),
    "ur": (
        ("ایک {n} میدان میں دوڑ رہا ہے۔", "یہ {n} گھر کے پیچھے ہے اور وہ ہمیں دیکھ رہا ہے۔"),
        "کتا گھوڑا پرندہ درخت جوتا سیب ستارہ",
    ),
    "mr": (
        ("एक {n} मैदानावर धावत आहे.", "हा {n} घराच्या मागे आहे आणि तो आपल्याला पाहत आहे."),
        "कुत्रा घोडा पक्षी वृक्ष बूट मासा",
    ),
    "ta": (
        ("ஒரு {n} புல்வெளியில் ஓடுகிறது.", "இந்த {n} வீட்டின் பின்னால் உள்ளது மற்றும் அது எங்களைப் பார்க்கிறது."),
        "நாய் பூனை குதிரை பறவை தொப்பி படகு மரம் மீன்",
    ),
    "te": (
        ("ఒక {n} పచ్చికలో పరుగెడుతోంది.", "ఈ {n} ఇంటి వెనుక ఉంది మరియు అది మమ్మల్ని చూస్తోంది."),
        "కుక్క పిల్లి గుర్రం పక్షి టోపీ పడవ చెట్టు చేప",
    ),
    "ar": (
        ("هناك {n} في الحقل مع الأطفال.", "هذا {n} خلف البيت وهو ينظر إلى السماء."),
        "كلب قط حصان طائر قارب شجرة سمكة تفاحة",
    ),
    "fa": (
        ("یک {n} در چمنزار می\u200cدود.", "این {n} پشت خانه است و به ما نگاه می\u200cکند."),
        "سگ گربه اسب پرنده کلاه قایق درخت ماهی",
    ),
    "ko": (
        ("들판에서 {n} 한 마리가 그리고 달린다.", "이 {n} 집 뒤에 있는 그림."),
        "개 고양이 말 새 모자 배 나무 물고기",
    ),
    "ja": (
        ("草原を{n}が走っている。", "家の後ろに{n}があります。"),
        "犬 猫 馬 鳥 帽子 船 木 魚",
    ),
    "zh": (
        ("一只{n}在草地上跑。", "这个{n}在房子的后面，它看着我们。"),
        "狗 猫 马 鸟 帽子 船 鱼 苹果",
    ),
}


def mixed_texts(count, seed, *, languages=(), separator=". ", num_sentences=2):
    """Texts of sentences of different languages, and the set of words that the sentences are about."""
    rng = random.Random(seed)
    texts, things = [], set()
    for _ in range(count):
        sentences = []
        for language in rng.sample(sorted(languages or TEMPLATES), num_sentences):
            templates, words = TEMPLATES[language]
            thing = rng.choice(words.split())
            things.add(thing.casefold())
            sentences.append(rng.choice(templates).format(n=thing).rstrip("."))
        texts.append(separator.join(sentences))
    return texts, things
