"""The vocabulary of the Scale seed: names and values that real customers use and careless clients break on."""

from typing import Any

PROJECTS = {
    "highway-night": "imageannotation",
    "a bc/def": "segmentannotation",
    "Straße & Co": "transcription",
    "車両": "multistage",
    "50% done?#1": "lidarannotation",
    "warehouse-picks": "categorization",
    "retired 2021": "videoannotation",
}
"""Name to task type. The last one is archived."""

BATCHES = {
    "night week 1": ("highway-night", "in_progress"),
    "night week 2": ("highway-night", "completed"),
    "a bc/def week 1": ("a bc/def", "in_progress"),
    "Rechnungen März": ("Straße & Co", "in_progress"),
    "夜間 1": ("車両", "staging"),
    "picks+returns": ("warehouse-picks", "completed"),
}
"""Name to project and status."""

INSTRUCTIONS = {
    "imageannotation": "Draw a box around **each vehicle**.",
    "segmentannotation": "Segment road, pavement and sky.",
    "transcription": "Übertrage alle Beträge in €.",
    "multistage": "車両をすべて囲んでください。",
    "lidarannotation": "Place cuboids around all moving objects.",
    "categorization": "Is the item damaged?",
    "videoannotation": "Track every pedestrian.",
}

STATUSES = ("pending",) * 6 + ("completed",) * 10 + ("canceled",) * 2 + ("error",) * 2

TAGS = ["golden", "night", "rain", "überprüft", "夜間", "a,b", "train set"]

CALLBACK_URLS = (
    "https://hooks.example.com/scale",
    "https://hooks.example.com/scale?team=a&b=%20c",
    "labels@example.com",
)

UNIQUE_IDS = (
    "s3://bucket/a b.png",
    "x y&z=1",
    "車両",
    "a/b",
    "a%2Fb",
    "one,two",
    "plus+sign",
    "#hash?query",
    "😀",
    "trailing ",
)

METADATA: tuple[dict[str, Any], ...] = (
    {"frameNumber": 9007199254740993},
    {"viewId": 123456789012345678901},
    {"nested": {"list": [1, 2.5, None, True, {"deep": "ja"}]}},
    {"": "empty key", "with space": "x", "車両": "vehicle"},
    {"text": 'line one\nline two\ttabbed "quoted" \\ back'},
    {},
)

EXTRA_FIELDS: tuple[dict[str, Any], ...] = (
    {"otherVersion": "5ca1ab1e00000000000000ff"},
    {"teamRegion": "eu", "internalScore": 0.875},
    {"callback_completed": True},
    {"callback_succeeded_at": "2024-05-17T12:29:00.207Z"},
)

AUDITORS = {
    "customer": ("anna.schmidt@example.com", "lee@example.com"),
    "scale": ("maria.lopez@scale.com", "j.okafor@scale.com", "yuki.tanaka@scale.com"),
}
