"""Base names, concepts, families, choices and themes of icons."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from builders.icon_packages import icon_set, square, write_package
from vitrail.corpus.build.icons.base_names import StyleMarks, find_style_marks
from vitrail.corpus.build.icons.choice import choose_icons, widely_drawn
from vitrail.corpus.build.icons.concepts import Catalogue, Icon, find_icons
from vitrail.corpus.build.icons.permissions import why_refused
from vitrail.corpus.build.icons.sets import SetInfo, read_sets
from vitrail.corpus.build.icons.themes import THEMES, theme_of


def info(prefix, suffixes=(), prefixes=(), author=None, **more):
    card = {
        "prefix": prefix,
        "title": prefix,
        "author": author or prefix,
        "author_url": "",
        "licence": "MIT",
        "kind": "UI 24px",
        "changed_at": datetime(2026, 1, 1, tzinfo=UTC),
        "prefixes": tuple(prefixes),
        "suffixes": tuple(suffixes),
    }
    return SetInfo(**(card | more))


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("home", "home"),
        ("home-outline", "home"),
        ("home-outline-rounded", "home"),
        ("round-home-24", "home"),
        ("home-2", "home"),
        ("home-03", "home"),
        ("home-2-outline", "home"),
        ("arrow-left-circle", "arrow-left-circle"),
        ("123", "123"),
        ("24-hours", "24-hours"),
        ("outline", "outline"),
        ("round", "round"),
        ("battery-1000", "battery-1000"),
        ("x-2-y", "x-2-y"),
    ],
)
def test_a_base_name_has_no_style_and_no_number(name, base):
    marks = StyleMarks.of(["round"], ["outline", "rounded", "outline-rounded", "24"])
    assert marks.base_name(name) == base


DECLARING = {author: (info(author, ["line", "solid"]), ["sun-line", "sun-solid"]) for author in ("a", "b", "c")}


@pytest.mark.parametrize(
    ("names", "suffixes"),
    [
        ([f"bulb{i}" for i in range(9)] + [f"bulb{i}-line" for i in range(9)], ("line",)),  # beside the plain name
        ([f"bulb{i}-{style}" for i in range(9) for style in ("line", "solid")], ("solid", "line")),  # beside another
        ([f"bulb{i}-line" for i in range(9)], ("line",)),  # all of them
        (["chart-line", *(f"bulb{i}" for i in range(9))], ()),  # one that means something
        ([*(f"a{i}-line" for i in range(9)), *(f"bulb{i}" for i in range(90))], ()),
    ],
)
def test_an_end_is_a_style_where_its_names_have_it_beside_them(names, suffixes):
    marks = find_style_marks(DECLARING | {"other": (info("other"), names)})
    assert marks["other"].suffixes == suffixes


def test_an_end_that_fewer_authors_declare_is_no_style_elsewhere():
    names = [f"bulb{i}" for i in range(9)] + [f"bulb{i}-line" for i in range(9)]
    declaring = {name: (info(name, ["line"], author="the same"), []) for name in ("a", "b", "c")}
    marks = find_style_marks(declaring | {"other": (info("other"), names)})
    assert marks["other"].suffixes == ()
    assert marks["a"].suffixes == ("line",)


def catalogue_of(tmp_path, *sets):
    catalogue = Catalogue()
    for found in read_sets(write_package(tmp_path / "package.tgz", sets)):
        catalogue.add(found)
    return catalogue


def test_concepts_groups_and_families(tmp_path):
    catalogue = catalogue_of(
        tmp_path,
        icon_set("big", {"plus": square(1), "bin": square(2), "sun": square(3), "moon": square(4)}, author="A"),
        icon_set(
            "big-bold",
            {"plus-bold": square(5), "add": square(6)},
            suffixes={"bold": "Bold"},
            aliases={"trash": {"parent": "add"}},
            author="A",
        ),
        icon_set("copy", {"remove": square(2), "star": square(7), "add-2": square(8)}),
        icon_set("other", {"trash": square(9), "sun": square(10)}, author="Material Design Authors"),
    )
    found = {icon.image_id: (icon.family, icon.concept, icon.group) for icon in find_icons(catalogue)}
    assert found == {
        "big/plus": ("big", "plus", "plus"),
        "big/bin": ("big", "bin", "bin"),  # the drawing of copy/remove
        "big/sun": ("big", "sun", "sun"),
        "big/moon": ("big", "moon", "moon"),
        "big-bold/plus-bold": ("big", "plus", "plus"),
        "big-bold/add": ("big", "add", "add"),
        "copy/remove": ("big", "bin", "bin"),  # a third of its drawings are big's
        "copy/star": ("big", "star", "star"),
        "copy/add-2": ("big", "add", "add"),
        "other/trash": ("other", "trash", "add"),  # elsewhere another name of "add": one split, two concepts
        "other/sun": ("other", "sun", "sun"),
    }


@pytest.mark.parametrize(
    ("said", "theme"),
    [
        (["Food", "foods", "Weather", "Symbols"], "food"),
        (["Food", "foods", "Weather", "Weather"], None),
        (["Symbols", "Symbols"], None),
    ],
)
def test_the_theme_of_a_concept_is_that_of_most_sets(tmp_path, said, theme):
    sets = [
        icon_set(
            f"set{number}",
            {"tea": square(1 + number), "tea-2": square(10 + number), "coffee": square(19 + number / 10)},
            categories={category: ["tea", "tea-2"]},
        )
        for number, category in enumerate(said)
    ]
    themes = {icon.image_id: icon.theme for icon in find_icons(catalogue_of(tmp_path, *sets))}
    assert {themes[f"set{number}/tea-2"] for number in range(len(said))} == {theme}
    assert {themes[f"set{number}/coffee"] for number in range(len(said))} == {None}


def icons_of(num_concepts, sets=("a", "b", "c")):
    return [
        Icon(f"{prefix}/word{number}{style}", prefix, prefix, f"word{number}", f"word{number // 2}", None)
        for number in range(num_concepts)
        for prefix in sets[: 1 + number % 3]
        for style in ("", "-bold")
    ]


def test_choices_are_nested_whole_and_one_drawing_a_set():
    icons = icons_of(300)
    sizes = {size: choose_icons(icons, size) for size in (50, 150, 400, 10_000)}
    ids = [{icon.image_id for icon in chosen} for chosen in sizes.values()]
    assert all(smaller < larger for smaller, larger in pairwise(ids))
    assert all(size - 10 < len(chosen) <= size for size, chosen in sizes.items() if size < 10_000)
    everything = sizes[10_000]
    assert {icon.concept for icon in everything} == widely_drawn(icons)
    assert len({(icon.concept, icon.prefix) for icon in everything}) == len(everything)
    assert {icon.image_id.endswith("-bold") for icon in everything} == {True, False}
    for chosen in sizes.values():
        groups = {icon.group for icon in chosen}
        assert {icon.image_id for icon in chosen} == {icon.image_id for icon in everything if icon.group in groups}
    assert {icon.image_id for icon in choose_icons(icons[::-1], 150)} == ids[1]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, None),
        ({"licence": "OFL-1.1"}, None),
        ({"licence": "CC-BY-NC-4.0"}, "licence CC-BY-NC-4.0 is not permissive"),
        ({"licence": "CC-BY-SA-4.0"}, "licence CC-BY-SA-4.0 is not permissive"),
        ({"licence": "GPL-3.0"}, "licence GPL-3.0 is not permissive"),
        ({"kind": "Emoji"}, "a set of emoji"),
        ({"kind": "Logos"}, "a set of logos"),
        ({"kind": "Flags / Maps"}, None),
        ({"kind": "Flags / Maps", "title": "Circle Flags"}, "a set of emoji, flags or logos by its title"),
        ({"kind": "", "title": "Fluent Emoji"}, "a set of emoji, flags or logos by its title"),
        ({"title": "Font Awesome 5 Brands"}, "a set of emoji, flags or logos by its title"),
    ],
)
def test_which_sets_are_refused(more, reason):
    assert why_refused(info("some", **more)) == reason


@pytest.mark.parametrize(
    ("categories", "theme"),
    [
        (["Food / Drink"], "food"),
        (["Food & Drink", "foods"], "food"),
        (["Arrows"], "arrows"),
        (["Weather", "Outline"], "weather"),
        (["Weather", "Sport"], None),
        (["Symbols 2"], None),
        ([], None),
    ],
)
def test_a_theme_is_what_categories_agree_on(categories, theme):
    assert theme_of(categories) == theme
    assert theme is None or theme in THEMES
