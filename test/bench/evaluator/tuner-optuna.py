# Optuna's tree-structured Parzen estimators on the objective that ours is measured on: one line of JSON per seed and size,
# the true quality of the trial with the highest score.
import json
import math
import random
import sys
import warnings

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore")

TEMPLATE_EFFECT = [0, 0.02, -0.03, 0.035]
ITEMS = 200


def true_quality(knob):
    return min(
        0.995,
        0.84
        + 0.05 * math.exp(-(((knob["temperature"] - 0.25) / 0.25) ** 2))
        + 0.02 * math.exp(-(((knob["top_p"] - 0.9) / 0.15) ** 2))
        + 0.025 * (1 - math.exp(-knob["shots"] / 3))
        - 0.004 * max(0, knob["shots"] - 6)
        + TEMPLATE_EFFECT[int(knob["template"])]
        + 0.02 * math.log(knob["votes"]) / math.log(9)
        - 0.08 * max(0, 0.88 - knob["threshold"]) / 0.38
        - 0.02 * abs(knob["repetition"] - 1.05) / 0.25,
    )


def tune(seed, sizes):
    noise = random.Random(seed)

    def objective(trial):
        knob = {
            "temperature": trial.suggest_float("temperature", 0, 1.5),
            "top_p": trial.suggest_float("top_p", 0.1, 1),
            "shots": trial.suggest_int("shots", 0, 12),
            "template": trial.suggest_categorical("template", ["0", "1", "2", "3"]),
            "votes": trial.suggest_int("votes", 1, 9),
            "threshold": trial.suggest_float("threshold", 0.5, 0.99),
            "repetition": trial.suggest_float("repetition", 0.8, 1.4),
        }
        quality = true_quality(knob)
        return sum(noise.random() < quality for _ in range(ITEMS)) / ITEMS

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    for size in sizes:
        study.optimize(objective, n_trials=size - len(study.trials))
        picked = true_quality(study.best_params)
        row = {"seed": seed, "trials": size, "quality": picked, "reported": study.best_value}
        print(json.dumps(row), flush=True)


sizes = [int(word) for word in sys.argv[1].split(",")]
for each in range(int(sys.argv[2]), int(sys.argv[3]) + 1):
    tune(each, sizes)
