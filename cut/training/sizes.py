"""Whether a method can train on every image of a data set, found before the first step."""

from cut.data.dataset import ImageDataset
from cut.data.shapes import NAMED
from cut.errors import UserError, some
from cut.models.method import Method

TRIED = 16  # sizes; each takes a tenth of a second


def check_sizes(model: Method, dataset: ImageDataset) -> None:
    """Refuse images of sizes that a method cannot train on.

    Raises:
        UserError: what does not fit, with the files.
    """
    if model.one_shape is not None:
        dataset.check_pairs(model.one_shape)
    for size in sorted(dataset.sizes, key=min)[:TRIED] if len(dataset.sizes) > 1 else ():  # small ones fit least
        try:
            model.check_size(*size)
        except UserError as error:
            files = some(dataset.files_of_size(size), NAMED)
            raise UserError(*error.problems, f"Of this size: {files}.") from None
    model.check_size(*dataset.smallest)
