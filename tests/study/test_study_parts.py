"""The pure parts of a study: arms, plan, choice, order of trials, intervals, fit, page."""

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from builders.studies import compared, interval, report_of, result_of
from vitrail.contracts.codec import read
from vitrail.contracts.models import HeadSpec
from vitrail.contracts.study import StudyReport
from vitrail.errors import ConfigError, StudyError
from vitrail.evaluation.system import count_flops
from vitrail.gates import Outcomes
from vitrail.models import VitrailModel
from vitrail.recipes import RECIPES, find_recipe
from vitrail.study import BUDGETS, StudyConfig, find_budget, write_page
from vitrail.study.arms import Arm, LabelledCorpus, list_arms
from vitrail.study.backbones import architecture_of
from vitrail.study.choice import choose_rates
from vitrail.study.comparisons import list_comparisons
from vitrail.study.jobs import lengthen
from vitrail.study.label_recipes import DEFAULT_LABELS, LABEL_RECIPES
from vitrail.study.plan import Finetuning, Pretraining, Rates, plan_choice, plan_repeats
from vitrail.study.side_by_side import run_side_by_side
from vitrail.study.size_fit import fit_sizes
from vitrail.study.summary import average_seeds, relative_gain, set_undefined_apart, smallest_difference
from vitrail.training import ScheduleConfig

OURS = LabelledCorpus(labels="default", corpus="icons")
OTHER = LabelledCorpus(labels="unclustered", corpus="icons")


def arms_of(*sources, shares=(0.1, 1.0), backbones=("vit",)):
    return list_arms(StudyConfig(shares=shares, backbones=backbones), sources)


def test_every_source_is_an_arm_beside_two_without_pretraining():
    names = [arm.name for arm in arms_of(OURS, OTHER)]
    assert names == [
        f"{way}/vit/{share}"
        for share in ("10%", "100%")
        for way in ("none", "longer", "default@icons", "unclustered@icons")
    ]


def test_the_grid_is_the_same_for_every_arm():
    trials = plan_choice(arms_of(OURS), pretrain_rates=(2e-3,), finetune_rates=(1e-3, 3e-3))
    by_arm = {}
    for trial in trials:
        if isinstance(trial, Finetuning):
            by_arm.setdefault(trial.arm, []).append(trial.rates.finetune)
    assert len(by_arm) == 6
    assert set(map(tuple, by_arm.values())) == {(1e-3, 3e-3)}
    assert {trial.seed for trial in trials} == {0}


def test_shares_have_a_backbone_in_common_and_it_comes_first():
    trials = plan_choice(arms_of(OURS, shares=(0.01, 0.1, 1.0)), pretrain_rates=(1e-3, 2e-3), finetune_rates=(1e-3,))
    pretrainings = [trial for trial in trials if isinstance(trial, Pretraining)]
    assert [trial.rate for trial in pretrainings] == [1e-3, 2e-3]
    for place, trial in enumerate(trials):
        if isinstance(trial, Finetuning) and trial.pretraining:
            assert trial.pretraining in trials[:place]


def test_other_seeds_take_the_chosen_rates_seed_by_seed():
    none, ours = Arm(backbone="vit", share=1.0), Arm(backbone="vit", share=1.0, source=OURS)
    chosen = {none: Rates(finetune=3e-3), ours: Rates(finetune=1e-3, pretrain=2e-3)}
    trials = plan_repeats(chosen, 3)
    assert [(trial.seed, isinstance(trial, Pretraining)) for trial in trials] == [
        (seed, is_first) for seed in (1, 2) for is_first in (False, True, False)
    ]
    assert {trial.rates for trial in trials if isinstance(trial, Finetuning)} == set(chosen.values())


def test_rates_are_chosen_at_seed_zero_and_ties_go_to_the_lowest():
    arm, other = arms_of()[:2]
    validated = {
        Finetuning(arm=arm, rates=Rates(finetune=3e-3), seed=0): 0.2,
        Finetuning(arm=arm, rates=Rates(finetune=1e-3), seed=0): 0.1,
        Finetuning(arm=arm, rates=Rates(finetune=1e-3), seed=1): 0.9,
        Finetuning(arm=other, rates=Rates(finetune=3e-3), seed=0): 0.3,
        Finetuning(arm=other, rates=Rates(finetune=1e-3), seed=0): 0.3,
    }
    assert choose_rates(validated) == {arm: Rates(finetune=3e-3), other: Rates(finetune=1e-3)}


def test_equal_computation_counts_images():
    finetune = ScheduleConfig(num_steps=100, batch_size=64, warmup_steps=10)
    pretrain = ScheduleConfig(num_steps=50, batch_size=130)
    assert lengthen(finetune, pretrain) == dataclasses.replace(finetune, num_steps=100 + 102)


def test_arms_are_compared_with_those_that_differ_in_one_thing():
    arms = arms_of(OURS, OTHER, shares=(1.0,), backbones=("vit", "cnn"))
    found = {(kind, arm.name, base.name) for kind, arm, base in list_comparisons(arms)}
    assert ("finetuning", "default@icons/cnn/100%", "none/cnn/100%") in found
    assert ("compute", "unclustered@icons/vit/100%", "longer/vit/100%") in found
    assert ("labels", "default@icons/vit/100%", "unclustered@icons/vit/100%") in found
    assert ("backbone", "longer/vit/100%", "longer/cnn/100%") in found
    assert len(found) == 4 * 2 + 2 + 4
    assert not any(kind == "compute" for kind, *_ in list_comparisons([a for a in arms if not a.is_longer]))


def side_by_side(items, run, **options):
    with ThreadPoolExecutor(4) as pool:
        return run_side_by_side(pool, items, run, **options)


def test_items_wait_for_what_they_need():
    ended = []

    def run(item):
        time.sleep(0.02 if item == "slow" else 0)
        ended.append(item)
        return item != "broken"

    needs = {"after": "slow", "never": "broken"}
    done = side_by_side(["slow", "broken", "after", "never", "free"], run, num_at_once=2, need_of=needs.get)
    assert done == {"slow", "after", "free"}
    assert ended.index("after") > ended.index("slow")
    assert "never" not in ended


def test_no_more_run_at_once_than_may():
    lock, state = threading.Lock(), {"now": 0, "most": 0}

    def run(item):
        with lock:
            state["now"] += 1
            state["most"] = max(state["most"], state["now"])
        time.sleep(0.01)
        with lock:
            state["now"] -= 1
        return True

    assert side_by_side(list(range(9)), run, num_at_once=3) == set(range(9))
    assert state["most"] == 3


def test_what_comes_too_late_is_left_out_and_what_follows_is_not():
    ran = []
    done = side_by_side(
        list(range(9)),
        lambda item: ran.append(item) or True,
        num_at_once=1,
        is_too_late=lambda item: len(ran) > 3 and item != 7,
    )
    assert done == {0, 1, 2, 3, 7}


def test_an_error_ends_the_round():
    def run(item):
        raise StudyError("lost")

    with pytest.raises(StudyError, match="lost"):
        side_by_side([1, 2], run, num_at_once=1)


def outcomes_of(values, groups, strata=None):
    num = len(values)
    return Outcomes(
        metric="concept/float/p_at_1",
        units=np.array([f"image-{number:04d}" for number in range(num)]),
        groups=np.array(groups),
        strata=np.array(strata if strata is not None else [""] * num),
        values=np.array(values, dtype=np.float64),
        references=np.ones(num),
    )


def shuffled(outcomes, seed):
    return outcomes.take(np.random.default_rng(seed).permutation(len(outcomes.units)))


def test_the_interval_of_a_gain_is_that_of_numpy():
    generator = np.random.default_rng(0)
    groups = [f"concept-{number:03d}" for number in generator.integers(0, 60, 400)]
    theirs = generator.random(400) < 0.3
    ours = theirs | (generator.random(400) < 0.15)
    found = relative_gain(shuffled(outcomes_of(ours, groups), 1), shuffled(outcomes_of(theirs, groups), 2))
    assert found.value == pytest.approx(ours.mean() / theirs.mean() - 1)
    names, code = np.unique(groups, return_inverse=True)
    sums = [np.bincount(code, weights=values) for values in (ours, theirs)]
    draws = np.random.default_rng(7).integers(0, len(names), (20_000, len(names)))
    gains = sums[0][draws].sum(axis=1) / sums[1][draws].sum(axis=1) - 1
    assert (found.low, found.high) == pytest.approx(np.quantile(gains, (0.025, 0.975)), abs=0.02)
    units = np.random.default_rng(7).integers(0, 400, (20_000, 400))
    unpaired = ours[units].mean(axis=1) / theirs[units[::-1]].mean(axis=1) - 1
    assert found.high - found.low < 0.8 * np.ptp(np.quantile(unpaired, (0.025, 0.975)))  # what pairing is for


def test_an_arm_that_is_never_right_stops_no_study():
    never, sometimes = outcomes_of([0, 0, 0, 0], list("aabb")), outcomes_of([1, 0, 0, 1], list("aabb"))
    gains = [relative_gain(sometimes, never), relative_gain(never, never), relative_gain(never, sometimes)]
    found = [compared(gain, arm=f"arm-{number}") for number, gain in enumerate(gains)]
    defined, undefined = set_undefined_apart(found)
    assert defined == (found[2],)
    assert [line.split()[0] for line in undefined] == ["arm-0", "arm-1"]


def test_seeds_are_averaged_query_by_query():
    first, second = outcomes_of([1, 0, 1, 0], list("aabb")), outcomes_of([1, 1, 0, 0], list("aabb"))
    assert average_seeds([first, shuffled(second, 3)]).values.tolist() == [1, 0.5, 0.5, 0]


def test_models_measured_on_other_queries_are_not_compared():
    first, second = outcomes_of([1, 0], list("ab")), outcomes_of([1, 0, 1], list("abc"))
    with pytest.raises(StudyError, match="different queries"):
        relative_gain(first, second)
    with pytest.raises(StudyError, match="different queries"):
        average_seeds([first, second])


def test_the_smallest_difference_is_the_median_half_width():
    widths = (0.04, 0.1, 0.5)
    assert smallest_difference([compared(interval(0.3, width)) for width in widths]) == pytest.approx(0.1)
    assert smallest_difference([]) is None


def test_a_power_law_is_found_again():
    sizes = (8_000, 20_000, 60_000)
    arms = [result_of(f"default@c{size}", 1 - 4 * size**-0.2, size) for size in sizes]
    (fit,) = fit_sizes([*arms, result_of("none", 0.1), result_of("unclustered@c8000", 0.2, 8_000)])
    assert (fit.exponent, fit.factor) == pytest.approx((-0.2, 4))
    assert fit.largest_residual == pytest.approx(0, abs=1e-9)
    assert [point.num_images for point in fit.points] == list(sizes)


def test_the_page_is_a_table_of_what_was_measured(tmp_path):
    arms = [result_of("none", 0.2), result_of("default@small", 0.3, 8_000), result_of("default@large", 0.4, 64_000)]
    comparisons = [compared(interval(0.5, 0.1), arm="default@small/vit/100%")]
    report = report_of(*arms, comparisons=tuple(comparisons), unfinished=("longer/vit/100%: 0 of 3 seeds",))
    write_page(report, tmp_path / "study.md")
    page = (tmp_path / "study.md").read_text()
    assert "4,000 queries of 900 concepts" in page
    assert "differences below 8% cannot be told from none" in page
    cells = ("default@small", "vit", "100%", "8,000", "7", "300", "0.300 [0.280, 0.320]", "+50.0% [+40.0, +60.0]", "")
    assert "| " + " | ".join((*cells, "0.290, 0.310")) + " |" in page.splitlines()
    assert "- longer/vit/100%: 0 of 3 seeds" in page
    for name in ("gains.svg", "sizes.svg"):
        assert f"(study/{name})" in page
        assert (tmp_path / "study" / name).read_text().startswith("<svg")
    assert read(StudyReport, tmp_path / "study") == report


def test_a_page_without_pretrained_arms_has_no_plots(tmp_path):
    write_page(report_of(result_of("none", 0.2), smallest_difference=None), tmp_path / "study.md")
    assert "svg" not in (tmp_path / "study.md").read_text()
    assert [path.name for path in (tmp_path / "study").iterdir()] == ["study.json"]


@pytest.mark.parametrize("name", BUDGETS)
def test_budgets_hold_the_arms_of_the_claim(name):
    config = find_budget(name)
    assert "default" in config.labels
    assert 0.1 in config.shares
    assert config.num_seeds >= 3
    assert len(config.finetune_rates) >= 2
    assert config.minutes


@pytest.mark.parametrize("name", ["night", "gpu-10min"])
def test_longer_budgets_compare_label_recipes_and_shares(name):
    config = find_budget(name)
    assert {"default", "unclustered"} <= set(config.labels)
    assert {0.1, 1.0} <= set(config.shares)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_label_recipe_fits_every_recipe(recipe):
    own = find_recipe(recipe).labels
    made = {name: change(own) for name, change in LABEL_RECIPES.items()}
    assert made[DEFAULT_LABELS] == own
    assert len({config.output_digest for config in made.values()}) == len(made)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"labels": ("ours",)}, "labels"),
        ({"backbones": ()}, "backbones"),
        ({"shares": (0.0,)}, "shares"),
        ({"shares": (1.0, 1.0)}, "shares"),
        ({"num_seeds": 0}, "num_seeds"),
        ({"finetune_rates": (-1.0,)}, "finetune_rates"),
        ({"minutes": 0.0}, "minutes"),
    ],
)
def test_impossible_studies_are_refused_by_name(change, field):
    with pytest.raises(ConfigError, match=field):
        StudyConfig(**change)
    with pytest.raises(ConfigError, match="half-hour"):
        find_budget("an-hour")


def test_the_two_backbones_cost_the_same_at_the_image_size_of_the_small_recipes():
    recipe = find_recipe("emoji")
    embedding = HeadSpec(name="embedding", kind="retrieval", dim=256)
    flops = [
        count_flops(
            VitrailModel(
                architecture_of(name, recipe.pretrain.architecture), recipe.pretrain.transforms, (embedding,)
            ).eval()
        )
        for name in ("vit", "cnn")
    ]
    assert flops[1] / flops[0] == pytest.approx(1, abs=0.1)
