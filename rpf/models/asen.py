"""The model of ASEN++: ASEN's global branch, and the same on the region of interest."""

from rpf.config import Config
from rpf.models.asen_branches import GlobalBranch, LocalBranch
from rpf.models.base import Network, TwoBranchModel


class ASEN(TwoBranchModel):
    """Global branch (`region`) and, when the config enables it, local branch (`patch`)."""

    region: GlobalBranch
    patch: LocalBranch | None

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.region = GlobalBranch(config)
        self.patch = LocalBranch(config) if config.MODEL.LOCAL.ENABLE else None

    def networks(self) -> dict[str, Network]:
        sizes = self.config.INPUT
        local = {"local": Network(self.patch, "trunk", [(sizes.LOCAL_SIZE, sizes.LOCAL_SIZE)])} if self.patch else {}
        return {"trunk": Network(self.region, "trunk", sizes.frame_shapes), **local}
