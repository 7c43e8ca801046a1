#!/usr/bin/env bash
# From a fresh clone to translated pictures: environment, real data, training, translation.
# Run it again and it goes on where it stopped, or uses what is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

RUN=checkpoints/quickstart
RESULTS=results/quickstart/test_latest

"$PYTHON" datasets/prepare_bluemarble.py

if [ -e "$RUN/latest_training_state.pth" ]; then
    "$PYTHON" train.py --name quickstart --continue_train
else
    "$PYTHON" train.py --config configs/quickstart.yaml
fi

# The size it was trained at, the whole tile in one picture: the papers' protocol.
"$PYTHON" test.py --name quickstart --preprocess resize --load_size 64 --crop_size 64

cat <<END

Satellite images translated into relief maps, without one pair to learn from:
  $RESULTS/index.html   source, translation and the real map side by side
  $RUN/web/index.html             how the training went

What to try next (after: source .venv/bin/activate):
  python test.py --name quickstart --input YOUR_IMAGES --output translated
  python train.py --dataroot YOUR_DATA --name yours        trainA/ and trainB/ in YOUR_DATA
  python train.py --name quickstart --continue_train --n_epochs_decay 20    trains it longer
END
