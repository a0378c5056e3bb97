"""The RPF model (Dong et al., SIGIR 2023)."""

from rpf.config import Config
from rpf.models.base import Network, TwoBranchModel
from rpf.models.garment_detector import SIDE
from rpf.models.patch_branch import PatchBranch
from rpf.models.region_branch import RegionBranch


class RPF(TwoBranchModel):
    """Region branch and, when the config enables it, patch branch."""

    region: RegionBranch
    patch: PatchBranch | None

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.region = RegionBranch(config)
        self.patch = PatchBranch(config) if config.MODEL.TRANSFORMER.ENABLE else None

    def networks(self) -> dict[str, Network]:
        sizes = self.config.INPUT
        patch = (
            {"transformer": Network(self.patch, "vit", [(sizes.LOCAL_SIZE, sizes.LOCAL_SIZE)])} if self.patch else {}
        )
        detector = {"detector": Network(self.detector, "network", [(SIDE, SIDE)])} if self.detector else {}
        return {"trunk": Network(self.region, "trunk", sizes.frame_shapes), **patch, **detector}
