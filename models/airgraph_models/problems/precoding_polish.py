"""AUTO's polisher for spectral efficiency: shares of the dual uplink race, the winner becomes the precoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from airgraph_models.arrays.device import ArrayDevice
from airgraph_models.classical.downlink import FloatArray
from airgraph_models.classical.dual_ascent import dual_ascent
from airgraph_models.classical.dual_uplink import dual_precoder
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems.family import Refined
from airgraph_models.problems.padded_shapes import stacked
from airgraph_models.problems.precoding_instance import Precoding


def climb(
    members: Sequence[Precoding], starts: Sequence[FloatArray], stopping: Stopping, device: ArrayDevice
) -> list[Refined]:
    """The best precoder of each of several instances of one shape, on the budget up to rounding.

    Sub-bands have budgets of their own and race apart; the start is then that of the first.

    Args:
        members: Instances of spectral efficiency.
        starts: ``[S, K]`` or ``[S, B, K]`` shares of each.
        stopping: When to end.
        device: Where to climb.
    """
    weights = stacked([m.weights for m in members])
    if members[0].channel.ndim > 2:
        weights = weights[:, None]
    # Axes: instance, sub-band where there is one, start, user.
    given = stacked(starts)
    if given.ndim > 3:
        given = given.swapaxes(1, 2)
    gram = device.put(stacked([m.gram for m in members]))
    found = dual_ascent(gram, device.put(weights), device.put(given), stopping)
    amplitude = device.put(np.sqrt(stacked([np.asarray(m.max_power) for m in members])))
    turned = device.put(stacked([m.normalised_adjoint for m in members]))
    precoders = device.take(dual_precoder(turned, gram, amplitude, found.share))
    led = device.take(found.start).reshape(len(members), -1)[:, 0]
    return [
        Refined(precoder, float(rate.sum()), found.iterations, int(start))
        for precoder, rate, start in zip(precoders, device.take(found.rate), led, strict=True)
    ]
