"""What a bundle knows of the labels of its gallery, made when it is packaged, in the folder labels/.

names.parquet      NAMES_SCHEMA, the labels of the vocabulary, in its order
forms.parquet      FORMS_SCHEMA, the words and phrases that name a label: its terms and their other forms
images.parquet     IMAGES_SCHEMA, row i is the gallery's item with key i
"""

import pyarrow as pa

__all__ = [
    "FORMS_FILE",
    "FORMS_SCHEMA",
    "GALLERY_LABELS_FOLDER",
    "IMAGES_FILE",
    "IMAGES_SCHEMA",
    "NAMES_FILE",
    "NAMES_SCHEMA",
]

GALLERY_LABELS_FOLDER = "labels"
NAMES_FILE = "names.parquet"
FORMS_FILE = "forms.parquet"
IMAGES_FILE = "images.parquet"

NAMES_SCHEMA = pa.schema([("label_id", pa.int64()), ("term", pa.string())])
FORMS_SCHEMA = pa.schema(
    [
        ("form", pa.string()),  # normalised
        ("language", pa.string()),  # whose dictionary knows it
        ("num_images", pa.int64()),
        ("label_id", pa.int64()),  # the finest label of the term that it is a form of
    ]
)
IMAGES_SCHEMA = pa.schema(
    [
        ("label_ids", pa.list_(pa.int64())),  # best first; null when the image has no text
        ("scores", pa.list_(pa.float32())),  # in [0, 1], parallel to label_ids
    ]
)
