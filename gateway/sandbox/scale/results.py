"""Made-up labelling results: the `response` of completed and errored tasks."""

from typing import Any

_BOX = {"label": "car", "left": 120, "top": 84, "width": 231, "height": 117, "uuid": "b5f1c3e0"}


def fake_result(task_type: str) -> dict[str, Any]:
    """A short answer of the shape its type suggests."""
    if task_type == "categorization":
        return {"category": "vehicle"}
    if task_type in ("transcription", "documenttranscription", "textcollection"):
        return {"transcription": "Rechnung Nr. 17"}
    if task_type.startswith(("lidar", "video", "multistage", "sensorfusion")):
        return {"annotations": {"url": "https://results.example.com/annotations.json"}}
    return {"annotations": [dict(_BOX)]}


def failed_attachment(reason: str, url: str, status: int = 404) -> dict[str, Any]:
    """Why a task errored, in the form for a single attachment."""
    return {"error": reason, "attachments": [{"statusCode": status, "url": url}]}


def failed_frame(reason: str, frame: int, url: str, status: int = 403) -> dict[str, Any]:
    """Why a task errored, in the form for one of many frames."""
    return {
        "error": reason,
        "frames": [{"frame": frame, "message": reason, "attachment": {"statusCode": status, "url": url}}],
    }
