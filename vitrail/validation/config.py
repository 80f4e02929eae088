"""What the data must be like for a run to go on."""

from dataclasses import dataclass

from vitrail.config import Config, require

__all__ = ["ValidationConfig"]


@dataclass(frozen=True, kw_only=True)
class ValidationConfig(Config):
    """Sample sizes and limits. Contract violations have no limit: one row is enough to stop the run.

    Attributes:
        seed: Of the samples.
        sample_images: Images that are decoded.
        sample_signals: Texts that are looked at one by one.
        num_examples: Failing rows named per file and expectation.
        max_text_chars: Longest text that is taken for a text.
        max_empty_share: Share of empty texts, above which a warning is given.
        min_labelled_share: Share of images with a label, below which a warning is given.
        max_quarantined_share: Share of images in quarantine, above which a warning is given.
        min_image_side: Shorter side in pixels of an image that still shows something.
        max_aspect: Longer over shorter side.
        mostly: Share of sampled texts and images that must be within these limits.
        profile_labels: Most frequent labels that the profile keeps apart.
        warning_drift: Jensen-Shannon distance (0 equal, 1 disjoint) to the last blessed run, above which a
            warning is given.
        critical_drift: The distance that stops the run; 1 never does.
    """

    seed: int = 0
    sample_images: int = 256
    sample_signals: int = 2000
    num_examples: int = 5
    max_text_chars: int = 10_000
    max_empty_share: float = 0.05
    min_labelled_share: float = 0.5
    max_quarantined_share: float = 0.05
    min_image_side: int = 16
    max_aspect: float = 8.0
    mostly: float = 0.95
    profile_labels: int = 1000
    warning_drift: float = 0.1
    critical_drift: float = 0.5

    def __post_init__(self) -> None:
        for name in ("sample_images", "sample_signals", "num_examples", "max_text_chars", "min_image_side"):
            value = getattr(self, name)
            require(value >= 1, name, value, "give a whole number of at least 1")
        require(self.profile_labels >= 1, "profile_labels", self.profile_labels, "give at least 1")
        require(self.max_aspect >= 1, "max_aspect", self.max_aspect, "give longer over shorter side, at least 1")
        for name in ("max_empty_share", "min_labelled_share", "max_quarantined_share", "mostly"):
            value = getattr(self, name)
            require(0 <= value <= 1, name, value, "give a share in [0, 1]")
        require(
            0 <= self.warning_drift <= self.critical_drift <= 1,
            "warning_drift",
            self.warning_drift,
            f"give distances in [0, 1] with warning_drift at most critical_drift ({self.critical_drift})",
        )
