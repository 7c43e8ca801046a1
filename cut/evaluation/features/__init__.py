"""Images → features of a pretrained network."""
