"""The Optuna dashboard on a run: constraints shown as they are, with notes and pictures of the best networks."""
