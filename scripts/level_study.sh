#!/usr/bin/env bash
# Does the focal loss help once the generator sees the level? A small study: 24 runs, about two hours
# on two CPU cores. Run it again and it goes on where it stopped. `bash scripts/level_study.sh --n_epochs 1` passes options on.
#
# CUT and FastCUT, cross-entropy and focal PatchNCE, the published norm of the generator and none; three seeds each.
# The generator is not residual here: adding the image to its output would hand the level on, whatever the norm.
# R1 is that of the first run when docs/level.md was measured.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

"$PYTHON" datasets/prepare_bluemarble.py
for mode in CUT FastCUT; do
    for loss in ce focal; do
        for norm in instance none; do
            gain=$([ "$norm" = none ] && echo 1 || echo 0.02)
            "$PYTHON" scripts/sweep.py configs/quickstart.yaml --seeds 0 1 2 --prefix "level_${mode}_${loss}_${norm}_" \
                --CUT_mode "$mode" --nce_loss "$loss" --normG "$norm" --init_gain "$gain" --residual false \
                --lambda_R1 0.001 \
                --n_epochs 7 --n_epochs_decay 7 --evaluation_epoch_freq 7 --no_html --display_id 0 "$@"
        done
    done
done
"$PYTHON" scripts/report.py checkpoints/level_*
