"""Training: tasks with their losses, the trainer, its checkpoints."""
