"""Named recipes: everything that a training run depends on besides the seed. One file a recipe set."""

from airgraph_training.recipes.aligned_power_control import ALIGNED_POWER_CONTROL, FIRST_STAGE
from airgraph_training.recipes.beamforming import WCGCN_BEAMFORMING
from airgraph_training.recipes.cell_free import MAX_MIN_CELL_FREE
from airgraph_training.recipes.gram_precoding import GRAM_PRECODING
from airgraph_training.recipes.hybrid import UNROLLED_HYBRID
from airgraph_training.recipes.power_control import WCGCN_POWER_CONTROL
from airgraph_training.recipes.recipe import Recipe

RECIPES = {
    recipe.name: recipe
    for recipe in (
        FIRST_STAGE,
        ALIGNED_POWER_CONTROL,
        WCGCN_POWER_CONTROL,
        WCGCN_BEAMFORMING,
        GRAM_PRECODING,
        MAX_MIN_CELL_FREE,
        UNROLLED_HYBRID,
    )
}
"""Every recipe by its name."""

__all__ = ["RECIPES", "Recipe"]
