"""neurospyke: how much like a brain is a spiking network, layer by area by time.

Simulate spiking networks (`neurospyke.sim`), read recordings (`neurospyke.recording`), compare
their representations of the same stimuli (`neurospyke.compare`), and report what came out
(`neurospyke.report`). Importing this package loads nothing heavy; import the part you need.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
