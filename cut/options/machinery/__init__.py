"""How options are declared, read, merged, checked and written; `cut.options` is the public interface."""
