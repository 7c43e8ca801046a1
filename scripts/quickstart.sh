#!/usr/bin/env bash
# From a fresh clone to translated pictures: environment, real data, training, translation.
# Run it again and it goes on where it stopped, or uses what is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

RUN=checkpoints/quickstart
RESULTS=results/quickstart/test_best

"$PYTHON" datasets/prepare_bluemarble.py

if [ -e "$RUN/latest_training_state.pth" ]; then
    "$PYTHON" train.py --name quickstart --continue_train
else
    "$PYTHON" train.py --config configs/quickstart.yaml
fi

# The size it was trained at, the whole tile in one picture: the papers' protocol.
"$PYTHON" test.py --name quickstart --epoch best --preprocess resize --load_size 64 --crop_size 64

# For comparison: the last and the best epoch, real maps of other places, and the untranslated photographs.
"$PYTHON" scripts/evaluate_fid.py --name quickstart --baselines

cat <<END

Satellite images translated into relief maps, without one pair to learn from:
  $RESULTS/index.html   source, translation and the real map side by side
  $RUN/web/index.html           how the training went: the same images over time, curves, the best epoch

The table above, for 98 held-out places:
  mean IoU   how well water and land agree with the real map; 0.36 means all land, 1 is the real map. It leads here, because it
             counts what eyes look for in a map.
  PSNR       distance of the colours from the real map, in dB; untranslated photographs have 6.7.
  FD, KD     distances between sets of features. With a hundred small images they see blur and texture first, so that good
             translations can stay farther from the maps than the photographs are; with thousands of images they are the measure.

What to try next (after: source .venv/bin/activate):
  python test.py --name quickstart --input YOUR_IMAGES --output translated
  python train.py --dataroot YOUR_DATA --name yours        trainA/ and trainB/ in YOUR_DATA
  python train.py --name quickstart --continue_train --n_epochs_decay 20    trains it longer
END
