"""Films: nothing of them is read but the subtitles they carry as text, each sentence at its time."""

from collections.abc import Sequence

from service.knowledge.parsing import matroska, mp4
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.subtitles import tell
from service.knowledge.parsing.tracks import UNKNOWN_LANGUAGES, Track
from service.knowledge.parsing.writing import Writer

EBML = b"\x1a\x45\xdf\xa3"


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """The words of one track for each language, under its name where there are several.

    Raises ``UnreadableFile``: ``no_subtitles`` where there are none or only pictures of them,
    ``damaged_document`` and ``document_too_large``.
    """
    reader = matroska if data.startswith(EBML) else mp4
    chosen = choose(reader.tracks_of(data))
    if not chosen:
        raise UnreadableFile(
            "no_subtitles",
            "Films are read by the subtitles they carry as text: this one has none. Send SRT or WebVTT.",
        )
    writer = Writer(limits)
    for track in chosen:
        if len(chosen) > 1:
            writer.heading(track.name or track.language, 1)
        tell(writer, sorted(track.cues, key=lambda cue: cue.start))
    return writer.parsed()


def choose(tracks: Sequence[Track]) -> list[Track]:
    """The first track of each language, those of whole films before those of signs alone; of tracks that name
    no language each."""
    chosen: dict[str, Track] = {}
    for track in sorted(tracks, key=lambda track: track.forced):
        unknown = track.language in UNKNOWN_LANGUAGES
        if track.cues and not (track.forced and chosen):
            chosen.setdefault(f"track {len(chosen) + 1}" if unknown else track.language, track)
    return list(chosen.values())
