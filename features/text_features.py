"""What text says about images and labels: Feast declarations only, since `feast apply` imports this."""

from feast import Entity, FeatureService, FeatureView, Field, FileSource, Project, ValueType
from feast.data_format import ParquetFormat
from feast.types import Array, Float32, Int64, String

from vitrail.contracts.features import IMAGE_FEATURES_FILE

__all__ = [
    "image",
    "image_features_source",
    "image_text_details",
    "image_text_features",
    "label",
    "label_features",
    "label_statistics",
    "project",
    "text_features",
    "training_features",
]

project = Project(name="vitrail", description="Text-derived features of a catalogue of images")

image = Entity(
    name="image",
    join_keys=["image_id"],
    value_type=ValueType.STRING,
    description="An image of the corpus",
)
label = Entity(
    name="label",
    join_keys=["label_id"],
    value_type=ValueType.INT64,
    description="A weak label of the vocabulary",
)

image_features_source = FileSource(
    name="image_features",
    path=IMAGE_FEATURES_FILE,
    file_format=ParquetFormat(),
    timestamp_field="event_timestamp",
)
image_text_features = FeatureView(
    name="image_text_features",
    description="What the texts of an image say, as of the latest: what an endpoint shows",
    entities=[image],
    schema=[
        Field(name="image_id", dtype=String),
        Field(name="top_labels", dtype=Array(String), description="terms of the best labels, best first"),
        Field(name="top_scores", dtype=Array(Float32), description="their scores in [0, 1]"),
        Field(name="num_signals", dtype=Int64, description="texts of the image"),
        Field(name="language", dtype=String, description="most frequent language of its texts"),
    ],
    source=image_features_source,
)
image_text_details = FeatureView(
    name="image_text_details",
    description="What training needs besides, and an endpoint does not: offline only",
    entities=[image],
    schema=[
        Field(name="image_id", dtype=String),
        Field(name="top_label_ids", dtype=Array(Int64), description="stable ids of the best labels, best first"),
        Field(name="sources", dtype=Array(String), description="kinds of text the image has"),
        Field(name="source_counts", dtype=Array(Int64), description="texts of each kind"),
    ],
    source=image_features_source,
    online=False,
)
label_statistics = FeatureView(
    name="label_statistics",
    description="How common a label is in the corpus",
    entities=[label],
    schema=[
        Field(name="label_id", dtype=Int64),
        Field(name="term", dtype=String, description="the label's most frequent term"),
        Field(name="frequency", dtype=Int64, description="images that carry the label"),
        Field(name="idf", dtype=Float32, description="inverse document frequency"),
        Field(name="band", dtype=String, description="head, mid or tail of the distribution"),
    ],
    source=FileSource(
        name="label_statistics",
        path="data/label_statistics.parquet",
        file_format=ParquetFormat(),
        timestamp_field="event_timestamp",
    ),
)

text_features = FeatureService(
    name="text_features",
    features=[image_text_features],
    description="Text features of an image, for the endpoint",
)
training_features = FeatureService(
    name="training_features",
    features=[image_text_features, image_text_details],
    description="Text features of an image as of the time of a label, for training sets",
)
label_features = FeatureService(name="label_features", features=[label_statistics], description="Statistics of a label")
