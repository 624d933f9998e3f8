"""The words of Scale's API, version 1."""

TASK_STATUSES = frozenset({"pending", "completed", "canceled", "error"})
BATCH_STATUSES = frozenset({"staging", "in_progress", "completed"})
# `commented` is known to Scale's SDK only.
REVIEW_STATUSES = frozenset({"pending", "accepted", "fixed", "rejected", "commented"})
PRIORITIES = frozenset({10, 20, 30})
SCENE_FORMATS = frozenset({"sensor_fusion", "split_base64"})

TASK_TYPES = frozenset(
    {
        "annotation",
        "categorization",
        "comparison",
        "cuboidannotation",
        "datacollection",
        "documentmodel",
        "documenttranscription",
        "imageannotation",
        "laneannotation",
        "lidarannotation",
        "lidarlinking",
        "lidarsegmentation",
        "lidartopdown",
        "lineannotation",
        "namedentityrecognition",
        "pointannotation",
        "polygonannotation",
        "segmentannotation",
        "transcription",
        "textcollection",
        "videoannotation",
        "videoboxannotation",
        "videoplaybackannotation",
        "videocuboidannotation",
        "sensorfusion",
        "chat",
        "chatexperimental",
        "chatlite",
        "multichat",
        "multistage",
        "federal2dvideoannotation",
    }
)

LIMITED_FIELDS = ("task_id", "status", "metadata", "project", "otherVersion")
"""The fields that `limited_response=true` leaves of a task."""
