"""Small files in formats of three makers, written byte by byte after their published layouts."""

from pathlib import Path

import numpy as np


def _record(fields: list, **values) -> bytes:
    record = np.zeros(1, dtype=fields)
    for name, value in values.items():
        record[name] = value
    return record.tobytes()


_NEX_FILE = [("magic", "S4"), ("version", "<i4"), ("comment", "S256"), ("freq", "<f8")]
_NEX_FILE += [("begin", "<i4"), ("end", "<i4"), ("n", "<i4"), ("padding", "S260")]
_NEX_VARIABLE = [("type", "<i4"), ("version", "<i4"), ("name", "S64"), ("offset", "<i4")]
_NEX_VARIABLE += [("n", "<i4"), ("rest", "S128")]


def write_neuroexplorer(path: Path, units: dict, events: dict, freq=1000.0, end=10_000) -> Path:
    """A `.nex` file: neurons (type 0) and events (type 1), ticks as int32."""
    variables = [(0, *item) for item in units.items()] + [(1, *item) for item in events.items()]
    offset = 544 + 208 * len(variables)
    head = _record(_NEX_FILE, magic=b"NEX1", version=104, freq=freq, end=end, n=len(variables))
    headers, data = b"", b""
    for kind, name, ticks in variables:
        placed = {"type": kind, "version": 100, "name": name, "offset": offset + len(data)}
        headers += _record(_NEX_VARIABLE, **placed, n=len(ticks))
        data += np.asarray(ticks, dtype="<i4").tobytes()
    path.write_bytes(head + headers + data)
    return path


_PLX_FILE = [("magic", "<u4"), ("version", "<i4"), ("comment", "S128"), ("freq", "<i4")]
_PLX_FILE += [("n_dsp", "<i4"), ("n_event", "<i4"), ("n_slow", "<i4"), ("points", "<i4")]
_PLX_FILE += [("pre", "<i4"), ("date", "<i4", (6,)), ("fast", "<i4"), ("wave_freq", "<i4")]
_PLX_FILE += [("last", "<f8"), ("bits", "<u1", (4,)), ("max", "<u2", (2,)), ("gain", "<u2")]
_PLX_FILE += [("text", "S46"), ("ts", "<i4", (130, 5)), ("wf", "<i4", (130, 5))]
_PLX_FILE += [("ev", "<i4", (512,))]
_PLX_DSP = [("name", "S32"), ("sig", "S32"), ("channel", "<i4"), ("rate", "<i4"), ("n", "<i4")]
_PLX_DSP += [("ref", "<i4"), ("gain", "<i4"), ("rest", "S936")]
_PLX_EVENT = [("name", "S32"), ("channel", "<i4"), ("rest", "S260")]
_PLX_BLOCK = [("type", "<u2"), ("upper", "<u2"), ("ticks", "<u4"), ("channel", "<u2")]
_PLX_BLOCK += [("unit", "<u2"), ("n", "<u2"), ("words", "<u2")]


def write_plexon(path: Path, spikes: list, events: list, freq=40_000) -> Path:
    """A `.plx` file: spikes as (ticks, channel, unit), strobed events as (ticks, code)."""
    channels = sorted({channel for _, channel, _ in spikes})
    ts, wf = np.zeros((130, 5), "<i4"), np.zeros((130, 5), "<i4")
    for _, channel, unit in spikes:
        ts[channel, unit] += 1
        wf[channel, unit] += 1
    head = _record(
        _PLX_FILE,
        magic=0x58454C50,
        version=106,
        freq=freq,
        wave_freq=freq,
        points=2,
        n_dsp=len(channels),
        n_event=1,
        date=(2024, 5, 1, 9, 0, 0),
        bits=(1, 1, 12, 12),
        max=(3000, 5000),
        gain=1000,
        ts=ts,
        wf=wf,
    )
    for channel in channels:
        head += _record(_PLX_DSP, name=f"sig{channel:03d}", channel=channel, gain=1)
    head += _record(_PLX_EVENT, name=b"Strobed", channel=257)
    blocks = [(ticks, 1, channel, unit, 1, 2) for ticks, channel, unit in spikes]
    blocks += [(ticks, 4, 257, code, 0, 0) for ticks, code in events]
    for ticks, kind, channel, unit, n, words in sorted(blocks):
        placed = {"type": kind, "ticks": ticks, "channel": channel, "unit": unit}
        head += _record(_PLX_BLOCK, **placed, n=n, words=words) + bytes(2 * n * words)
    path.write_bytes(head)
    return path


_NEV_FILE = [("magic", "S8"), ("version", "<u1", (2,)), ("flags", "<u2"), ("head", "<u4")]
_NEV_FILE += [("packet", "<u4"), ("freq", "<u4"), ("wave_freq", "<u4"), ("date", "<u2", (8,))]
_NEV_FILE += [("application", "S32"), ("comment", "S256"), ("n", "<u4")]
_NEV_WAVE = [("id", "S8"), ("electrode", "<u2"), ("connector", "<u1", (2,)), ("scale", "<u2")]
_NEV_WAVE += [("thresholds", "<i2", (3,)), ("n_units", "<u1"), ("width", "<u1"), ("rest", "S10")]
_NEV_SPIKE = [("ticks", "<u4"), ("electrode", "<u2"), ("unit", "<u1"), ("none", "<u1")]
_NEV_SPIKE += [("wave", "<i2", (48,))]
_NEV_DIGITAL = [("ticks", "<u4"), ("id", "<u2"), ("reason", "<u1"), ("none", "<u1")]
_NEV_DIGITAL += [("word", "<u2"), ("rest", "S94")]


def write_blackrock(path: Path, spikes: list, events: list, freq=30_000) -> Path:
    """A `.nev` file: spikes as (ticks, electrode, unit), digital words as (ticks, word)."""
    electrodes = sorted({electrode for _, electrode, _ in spikes})
    n_bytes = 336 + 32 * len(electrodes)
    data = _record(
        _NEV_FILE,
        magic=b"NEURALEV",
        version=(2, 3),
        flags=1,
        head=n_bytes,
        packet=104,
        freq=freq,
        wave_freq=freq,
        date=(2024, 5, 3, 1, 9, 0, 0, 0),
        n=len(electrodes),
    )
    for electrode in electrodes:
        placed = {"id": b"NEUEVWAV", "electrode": electrode, "scale": 250, "n_units": 1}
        data += _record(_NEV_WAVE, **placed, width=2)
    packets = [
        (ticks, _record(_NEV_SPIKE, ticks=ticks, electrode=electrode, unit=unit))
        for ticks, electrode, unit in spikes
    ]
    packets += [
        (ticks, _record(_NEV_DIGITAL, ticks=ticks, reason=1, word=word)) for ticks, word in events
    ]
    path.write_bytes(data + b"".join(packet for _, packet in sorted(packets)))
    return path
