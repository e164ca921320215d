"""Networks: drawn to scale, stage by stage, side by side."""
