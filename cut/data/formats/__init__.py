"""Files of many bands, deep values, georeference and volumes: how they are read, scaled to [−1, 1], and written.

    stored.py   what a file holds: a header, and values (C, H, W) in the file's own numbers
    kinds.py    which reader a file has: TIFF, deep PNG, NumPy, DICOM, NIfTI
    ranges.py   which values become −1 and 1, measured once over a folder
    raster.py   scaled bands as Pillow images, which go through the same preprocessing as pictures
    reading.py  all of this together for one side of a data set
    writing.py  translations back into physical units and the input's kind of file
    scenes.py   GeoTIFFs that are larger than the memory

Libraries beside tifffile are extras and imported at their first use.
"""
