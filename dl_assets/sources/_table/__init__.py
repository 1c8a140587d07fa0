"""Parts of the source `table`: one module for each kind of file, and what is done to the rows of any of them."""
