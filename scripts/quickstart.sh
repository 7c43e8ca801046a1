#!/usr/bin/env bash
# From a fresh clone to translated pictures: environment, real data, training, translation.
# Run it again and it goes on where it stopped, or uses what is there.
#
#   bash scripts/quickstart.sh            CUT: satellite images to relief maps, ten to fifteen minutes of training
#   bash scripts/quickstart.sh sincut     SinCUT: one satellite picture in the style of one map, five to twenty minutes
#   bash scripts/quickstart.sh compare    CUT, FastCUT and CycleGAN on the same images, side by side: about half an hour
set -euo pipefail

case "${1:-cut}" in
    cut | sincut | compare) ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    *) echo "There is no quickstart '$1': use no word, sincut or compare." >&2 && exit 2 ;;
esac
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

# train NAME WORDS…: trains a run, goes on with it, or says that it is complete.
train() {
    local name="$1"
    shift
    if [ -e "checkpoints/$name/latest_training_state.pth" ]; then
        "$PYTHON" train.py --name "$name" --continue_train
    else
        "$PYTHON" train.py --name "$name" "$@"
    fi
}

# translate NAME: the held-out tiles with all of their 128 pixels, twice the size of training.
translate() {
    "$PYTHON" test.py --name "$1" --preprocess none
}

first_run() {
    "$PYTHON" datasets/prepare_bluemarble.py
    train quickstart --config configs/quickstart.yaml
    translate quickstart
    # For comparison: the last and the best epoch, real maps of other places, and the untranslated photographs.
    "$PYTHON" scripts/evaluate_fid.py --name quickstart --baselines
    cat <<END

Satellite images translated into relief maps, without one pair to learn from:
  results/quickstart/test_latest/index.html   source, translation and the real map side by side
  checkpoints/quickstart/web/index.html       how the training went: the same images over time, curves, the best epoch

The table above, for 98 held-out places:
  mean IoU   how well water and land agree with the real map; 0.36 means all land, 1 is the real map.
  PSNR       distance of the colours from the real map, in dB; untranslated photographs have 11.3, one constant colour 20.6.
  FD, KD     distances between sets of features. With a hundred small images they see blur and texture first; with thousands
             of images they are the measure.

What to try next (after: source .venv/bin/activate):
  python test.py --name quickstart --input YOUR_IMAGES --output translated
  python train.py --dataroot YOUR_DATA --name yours        trainA/ and trainB/ in YOUR_DATA
  python train.py --name quickstart --continue_train --n_epochs_decay 20    trains it longer
  bash scripts/quickstart.sh sincut                        two pictures instead of two folders
END
}

sincut() {
    "$PYTHON" datasets/prepare_bluemarble.py --single
    train quickstart_sincut --config configs/quickstart_sincut.yaml
    "$PYTHON" test.py --name quickstart_sincut
    cat <<END

One satellite picture of Europe in the style of one relief map of North America:
  results/quickstart_sincut/test_latest/index.html   the picture, its translation and the map
  checkpoints/quickstart_sincut/web/index.html       how it came about

Your own two pictures: put one in trainA/ and one in trainB/ of a folder, and (after: source .venv/bin/activate)
  python train.py --config configs/sincut_cpu.yaml --dataroot FOLDER --name yours      about 20 minutes
END
}

compare() {
    "$PYTHON" datasets/prepare_bluemarble.py
    train quickstart --config configs/quickstart.yaml
    # With FastCUT's published weight of 10 on PatchNCE the translation stays the photograph here (docs/quickstart.md).
    train quickstart_fastcut --config configs/quickstart.yaml --CUT_mode FastCUT --lambda_NCE 1
    train quickstart_cyclegan --config configs/quickstart_cyclegan.yaml
    local runs=(quickstart quickstart_fastcut quickstart_cyclegan)
    for run in "${runs[@]}"; do
        translate "$run"
    done
    "$PYTHON" scripts/compare.py "${runs[@]}"
    "$PYTHON" scripts/report.py "${runs[@]}" --output results/comparison/table.html --output results/comparison/curves.png
    cat <<END

CUT, FastCUT (with --lambda_NCE 1 instead of the published 10) and CycleGAN after equally many epochs on the same images:
  results/comparison/index.html   the same places, side by side
  results/comparison/table.html   measures, seconds per iteration, memory, parameters; curves.png beside it
One run of each is an impression, not a result: scripts/sweep.py trains several seeds.
END
}

case "${1:-cut}" in
    cut) first_run ;;
    sincut) sincut ;;
    compare) compare ;;
esac
