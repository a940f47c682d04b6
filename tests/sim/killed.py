"""A power cut while a network learns."""


class Killed(Exception):
    """Stands for a power cut."""


def killed_after(n_steps):
    """Observer of learning that cuts the power at a step."""
    seen = []

    def observe(step):
        seen.append(step)
        if len(seen) == n_steps:
            raise Killed

    return observe
