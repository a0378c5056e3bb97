"""The task of ASEN and ASEN++: triplet losses of both branches, and their alignment in stage 2."""

from collections.abc import Sequence

from torch import Tensor

from rpf.datasets.triplet_dataset import TripletBatch
from rpf.training.losses import alignment_loss
from rpf.training.tasks.triplet import RoleFeatures, TripletTask


class ASENTask(TripletTask):
    """The triplets of TripletTask, without its contrastive loss."""

    @property
    def weights(self) -> dict[str, float]:
        solver = self.config.SOLVER
        return {"region": solver.GLOBAL_WEIGHT, "patch": solver.LOCAL_WEIGHT, "alignment": solver.ALIGN_WEIGHT}

    def joint_loss(
        self, roles: Sequence[RoleFeatures], patches: Sequence[Tensor], batch: TripletBatch
    ) -> dict[str, Tensor]:
        return {"alignment": alignment_loss([role.region for role in roles], patches)}
