"""Words that speak of pictures and collections as such: as a label they would fit any image."""

__all__ = ["is_generic_word"]

_BY_LANGUAGE = {
    "en": (
        "image images picture pictures pic pics photo photos photograph photographs icon icons clipart cliparts part "
        "example sample version graphic graphics illustration illustrations wallpaper wallpapers thumbnail "
        "collection collections theme themes gallery idea ideas thing things stuff misc miscellaneous various "
        "assorted unsorted other others untitled unnamed unknown download downloads file files vector vectors bitmap "
        "svg png jpg jpeg gif eps pdf"
    ),
    "de": "bild bilder foto fotos symbolbild grafik grafiken sammlung idee ideen sonstiges verschiedenes ding dinge",
    "fr": "image images photo photos icône icônes illustration illustrations collection idée idées chose choses divers",
    "es": "imagen imágenes foto fotos icono iconos ilustración colección idea ideas cosa cosas varios",
    "pt": "imagem imagens foto fotos ícone ícones ilustração coleção ideia ideias coisa coisas vários diversos",
    "it": "immagine immagini foto icona icone illustrazione raccolta collezione idea idee cosa cose varie",
    "nl": "afbeelding afbeeldingen foto plaatje plaatjes pictogram verzameling idee ding dingen diversen",
    "ru": "изображение изображения картинка картинки фото иконка иконки коллекция идея идеи",
    "ja": "画像 写真 アイコン イラスト",
    "zh": "图片 圖片 图像 照片 图标 素材",
}
_WORDS = {language: frozenset(words.split()) for language, words in _BY_LANGUAGE.items()}


def is_generic_word(word: str, language: str) -> bool:
    """Whether it is such a word of the language (English when unknown)."""
    return word in _WORDS.get(language, _WORDS["en"])
