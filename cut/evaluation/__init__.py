"""Translate with a generator, and measure the translations.

    translate/    one image of any size through a trained generator
    features/     images → features of a pretrained network
    measures/     what is measured, one file a measure
    comparison/   held-out images, which of them are pairs, and every measure of them
    protocols/    what test.py and the scripts do: result pages, folders of pictures, the saved epochs of a run

`evaluator.py` and `held_out_previews.py` are what train.py hands to the training loop.
"""
