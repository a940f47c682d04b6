"""Recordings: one type for spike times from any file, cut into trials, written back as NWB."""

from neurospyke.recording.combine import concat, pseudopopulation
from neurospyke.recording.fields import Fields
from neurospyke.recording.interop import to_neo, to_pynapple, write_nix
from neurospyke.recording.neo import from_neo
from neurospyke.recording.partial import PartialResponses
from neurospyke.recording.pictures import Pictures, read_pictures
from neurospyke.recording.read import read_recording
from neurospyke.recording.recording import Recording
from neurospyke.recording.report import Finding, ImportReport
from neurospyke.recording.simulated import simulated_recording
from neurospyke.recording.write import write_nwb

__all__ = [
    "Fields",
    "Finding",
    "ImportReport",
    "PartialResponses",
    "Pictures",
    "Recording",
    "concat",
    "from_neo",
    "pseudopopulation",
    "read_pictures",
    "read_recording",
    "simulated_recording",
    "to_neo",
    "to_pynapple",
    "write_nix",
    "write_nwb",
]
