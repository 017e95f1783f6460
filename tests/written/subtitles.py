"""Subtitles as pysubs2 writes them."""

import pysubs2

CUES = [
    (1_000, 3_000, "Feed roses with potash"),
    (3_000, 5_500, "in early spring."),
    (83_000, 85_000, "Prune them in March."),
    (3_725_000, 3_727_000, "薰衣草每周浇水一次"),
    (3_727_500, 3_729_000, "冬天少浇"),
]


def subtitles(format: str) -> str:
    """``srt``, ``vtt``, ``ass`` or ``ssa``."""
    made = pysubs2.SSAFile()
    made.events = [pysubs2.SSAEvent(start=start, end=end, text=text) for start, end, text in CUES]
    return made.to_string(format)
